"""Marks for single answers: how near to what people want, well formed, cited, declined."""

from router.prompts import ChatMessage
from training.gate.cases import Judged, Known, is_grounded
from training.gate.hearing import Spoken
from training.scoring import citations, declines, f1, holds_gold

# From here on an answer says what people wanted it to say; below, it is wrong, however near.
RIGHT = 0.5
# Less is the luck of a word.
_NEARER_BY = 0.1
# An answer that people disliked is given once more where so much of it comes back.
_REPEATED = 0.8


def outcome(case: Judged, champion: Spoken, challenger: Spoken) -> float:
    """1 where the challenger is the better one, 0 where the champion is, 0.5 where people's word does not tell them apart.

    Of two wrong answers none is better.
    """
    if not case.wanted:
        one, other = (f1(spoken.text, (case.unwanted,)) < _REPEATED for spoken in (champion, challenger))
        return 0.5 + 0.5 * (other - one)
    one, other = nearness(case, champion), nearness(case, challenger)
    if max(one, other) < RIGHT or abs(one - other) < _NEARER_BY:
        return 0.5
    return float(other > one)


def nearness(case: Judged, spoken: Spoken) -> float:
    """Overlap with what people want, in [0, 1]."""
    return f1(spoken.text, (case.wanted,))


def quality(case: Known, spoken: Spoken) -> float:
    """For a question with passages the overlap with the gold, or whether it rightly declines; else whether it holds the gold."""
    if not case.golds:
        return float(declines(spoken.text))
    if case.right is None:
        return float(holds_gold(spoken.text, case.golds))
    return 0.0 if declines(spoken.text) else f1(spoken.text, case.golds)


def is_well_formed(prompt: tuple[ChatMessage, ...], spoken: Spoken) -> bool:
    """It comes to its end, shows nothing of the chat's frame, cites where there are passages and nowhere else."""
    if not spoken.text or spoken.finish != "stop" or "<|" in spoken.text:
        return False
    cited = bool(citations(spoken.text))
    return (cited or declines(spoken.text)) if is_grounded(prompt) else not cited


def cites_right(case: Judged | Known, spoken: Spoken) -> float | None:
    """None where it is not known which passage is the right one."""
    if isinstance(case, Known):
        return None if case.right is None else float(citations(spoken.text) == [case.right])
    if not is_grounded(case.prompt) or not citations(case.wanted):
        return None
    return float(set(citations(spoken.text)) == set(citations(case.wanted)))


def says(secret: str, spoken: Spoken) -> bool:
    return _plain(secret) in _plain(spoken.text)


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
