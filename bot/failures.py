"""The one apology path: what went wrong, in plain words, with what to do and a button to try again."""

from bot.arrivals import RETRY_ACTION
from bot.rendering import Page, button, escape, section

EMPTY = (
    "Hello! You mentioned me without a question. Ask me anything about the team's documents, like "
    "“How many days of leave do I have?”, or add one with `/ingest`."
)
FILES_ONLY = "I see a file. To have me answer from it, send it again with the comment `ingest`; to ask about it, write a question."
INTERNAL = (
    "Something went wrong on my side, and I could not answer. Please try again; tell an administrator if it stays so."
)
OVER_QUOTA = (
    "You have asked more than I can take from one person in a minute. Please wait a minute, then press the button."
)
GAVE_UP = "I tried to answer this several times and failed each time. Please ask it in other words, or tell an administrator if it stays so."

NOT_TAKEN_IN = "Something went wrong on my side, and I could not take in all of this. Please hand it over again; tell an administrator if it stays so."
NOT_DONE = "Something went wrong on my side, and this was not done, or not all of it. Please ask again; tell an administrator if it stays so."
NOT_KEPT = "Something went wrong on my side, and your feedback was not kept. Please give it again; tell an administrator if it stays so."


class Declined(Exception):
    """A message that is not put to the router; `str` is what its author is told."""

    def __init__(self, sentence: str, *, may_retry: bool = False) -> None:
        super().__init__(sentence)
        self.may_retry = may_retry


def note(sentence: str) -> list[Page]:
    """A sentence of ours, without a button."""
    return [Page(text=sentence, blocks=[section(sentence)])]


def apology(sentence: str, *, key: str) -> list[Page]:
    """A sentence from our own errors, and a button that asks the question of `key` again."""
    said = escape(sentence)
    retry = {
        "type": "actions",
        "block_id": "retry",
        "elements": [button("Try again", action_id=RETRY_ACTION, value=key)],
    }
    return [Page(text=said, blocks=[section(f":warning: {said}"), retry])]
