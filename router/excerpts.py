"""The part of a passage that speaks to a question: a small model is slow to read, and easily led astray by the rest."""

import re
from itertools import pairwise

from router.words import content_words

# [the form](https://…): the label says what it is, and no answer may link to what is not a source.
_LINK = re.compile(r"(?<!!)\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))+(?:\s+\"[^\"]*\")?\)")
# A piece ends with the space after it; only ends are looked for, so that no character can fall between two pieces.
_END = re.compile(r"(?<=[.!?])\s+|\n\s*")


def without_link_targets(text: str) -> str:
    """`[the form](https://…)` becomes `the form`."""
    return _LINK.sub(r"\1", text)


def excerpt(text: str, question: str, *, most_chars: int) -> str:
    """The run of whole lines and sentences within `most_chars` that holds most of the question's words.

    The earliest of equals, as long as there is room; a first piece that is longer alone is cut.
    """
    if len(text) <= most_chars:
        return text
    asked = set(content_words(question))
    pieces = lines_and_sentences(text)
    held = [asked & set(content_words(piece)) for piece in pieces]
    best, most_held = (0, 1), -1
    for start in range(len(pieces)):
        end = _furthest(pieces, start, most_chars)
        words = len(set[str]().union(*held[start:end]))
        if words > most_held:
            best, most_held = (start, end), words
    return "".join(pieces[slice(*best)]).strip()[:most_chars].rstrip()


def lines_and_sentences(text: str) -> list[str]:
    """The pieces joined are the text."""
    ends = [end.end() for end in _END.finditer(text)]
    return [text[start:end] for start, end in pairwise([0, *ends, len(text)]) if start < end]


def _furthest(pieces: list[str], start: int, most_chars: int) -> int:
    end, chars = start, 0
    while end < len(pieces) and (end == start or chars + len(pieces[end].rstrip()) <= most_chars):
        chars += len(pieces[end])
        end += 1
    return end
