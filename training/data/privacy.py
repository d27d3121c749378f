"""What must not be learnt, nor stand in a file of an export: credentials and personal data."""

from collections.abc import Iterable

from router.exchanges import Exchange
from training.data.credentials import holds_credential
from training.data.examples import Example
from training.data.personal_data import contact_data, holds_account_number
from training.data.reasons import Reason


def private_part(example: Example, exchange: Exchange) -> Reason | None:
    """Credentials and account numbers anywhere in it, documents included; addresses and telephone numbers where people
    or the model wrote them. Those that stand in a passage shown are the team's own to give, as a help desk's are.
    """  # noqa: D205
    written = [exchange.question, *(turn.text for turn in exchange.thread), example.said, example.should_say]
    found = _never_kept([*(message["content"] for message in example.prompt), *written])
    if found:
        return found
    known = "\n".join(f"{shown.title}\n{shown.text}" for shown in exchange.passages)
    told = (contact for text in written for contact in contact_data(text))
    return "personal_data" if any(contact not in known for contact in told) else None


def private_question(exchange: Exchange) -> Reason | None:
    """The same for a question by itself."""
    found = _never_kept([exchange.question])
    return found or ("personal_data" if any(contact_data(exchange.question)) else None)


def _never_kept(texts: Iterable[str]) -> Reason | None:
    texts = list(texts)
    if any(map(holds_credential, texts)):
        return "secret"
    return "personal_data" if any(map(holds_account_number, texts)) else None
