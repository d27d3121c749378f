"""What must not be learnt, nor stand in a file of an export: credentials and personal data."""

from router.exchanges import Exchange
from training.data.credentials import holds_credential
from training.data.examples import Example
from training.data.personal_data import contact_data, holds_account_number
from training.data.reasons import Reason


def private_part(example: Example, exchange: Exchange) -> Reason | None:
    """Credentials and account numbers anywhere in it, documents included; addresses and telephone numbers where people
    or the model wrote them. Those that stand in a passage shown are the team's own to give, as a help desk's are.
    """  # noqa: D205
    turns = (turn.text for turn in exchange.thread)
    written = "\n".join([exchange.question, *turns, example.said, example.should_say])
    found = _never_kept("\n".join([written, *(message["content"] for message in example.prompt)]))
    if found:
        return found
    contacts = list(contact_data(written))
    if not contacts:
        return None
    known = "\n".join(f"{shown.title}\n{shown.text}" for shown in exchange.passages)
    return "personal_data" if any(contact not in known for contact in contacts) else None


def private_question(exchange: Exchange) -> Reason | None:
    """The same for a question by itself."""
    return private_text(exchange.question)


def private_text(text: str) -> Reason | None:
    """The same for a text that nobody is known to have meant to give away."""
    return _never_kept(text) or ("personal_data" if any(contact_data(text)) else None)


def _never_kept(text: str) -> Reason | None:
    if holds_credential(text):
        return "secret"
    return "personal_data" if holds_account_number(text) else None
