"""Answers that nobody should learn to give, whatever people clicked."""

import re

from router.exchanges import Exchange
from router.repetition import RepetitionGuard
from training.data.examples import Example
from training.data.reasons import Reason

_LONGEST_CHARS = 4_000
_CITATION = re.compile(r"\[(\d{1,3})\]")
_LINK = re.compile(r"https?://[^\s<>()\[\]|\"']+", re.IGNORECASE)
_AFTER_LINK = ".,;:!?*_"


def fault(example: Example, exchange: Exchange) -> Reason | None:
    """What is wrong with the text that the example teaches to say, or None. What teaches to avoid a text passes."""
    text = example.taught
    if len(text) > _LONGEST_CHARS:
        return "too_long"
    if not example.should_say and not example.label:
        return None
    if not any(letter.isalnum() for letter in text):
        return "no_words"
    if RepetitionGuard().is_looping(text):
        return "repeats_itself"
    if _cites_what_is_not_there(example, exchange):
        return "unsupported_citation"
    return "foreign_link" if _links_elsewhere(example, exchange) else None


def _cites_what_is_not_there(example: Example, exchange: Exchange) -> bool:
    # The person saw the answer without them; the completion still has them.
    if not example.should_say and exchange.removed_citations:
        return True
    cited = {int(number) for number in _CITATION.findall(example.taught)}
    return bool(exchange.passages) and any(not 1 <= number <= len(exchange.passages) for number in cited)


def _links_elsewhere(example: Example, exchange: Exchange) -> bool:
    """Whether it links to what neither the prompt nor a passage's address names."""
    links = _links(example.taught)
    if not links:
        return False
    read = "\n".join(message["content"] for message in example.prompt)
    return bool(links - _links(read) - {shown.uri for shown in exchange.passages})


def _links(text: str) -> set[str]:
    return {link.rstrip(_AFTER_LINK) for link in _LINK.findall(text)}
