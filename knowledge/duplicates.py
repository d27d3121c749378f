"""Passages that say the same: the copies of a page that is kept in several places, told by their shingles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from knowledge.audience import PUBLIC
from knowledge.documents import Passage

# Shingles of words and their Jaccard coefficient (Broder, 1997).
_SHINGLE_WORDS = 3
_NEARLY_THE_SAME = 0.85
# In scripts without spaces a character is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_WEB = ("http://", "https://")
_NO_DATE = datetime.min.replace(tzinfo=UTC)


def collapse(hits: Sequence[Passage], query: str, *, limit: int) -> list[Passage]:
    """The first `limit` passages that say different things, best first.

    Of copies one stays, at the best one's place: one that opens in a browser before one that does not, then the newest,
    then one that everyone may read. Passages of differently named sections or with different figures are no copies,
    nor are those of which only one holds a word of the query: two offices' pages may differ in nothing but the city.
    """
    asked = frozenset(_words(query))
    kept: list[_Copies] = []
    for hit in hits:
        fingerprint = _Fingerprint(hit)
        same = next((copies for copies in kept if copies.first.is_copy_of(fingerprint, asked)), None)
        if same is not None:
            same.passages.append(hit)
        elif len(kept) < limit:
            kept.append(_Copies(first=fingerprint, passages=[hit]))
    return [copies.chosen() for copies in kept]


class _Fingerprint:
    """Made as far as it is asked for: most passages are told apart by their sections alone."""

    def __init__(self, passage: Passage) -> None:
        self.section = passage.section
        self._passage = passage

    @cached_property
    def _in_text(self) -> list[str]:
        return _words(self._passage.text)

    @cached_property
    def shingles(self) -> frozenset[tuple[str, ...]]:
        starts = range(max(1, len(self._in_text) - _SHINGLE_WORDS + 1))
        return frozenset(tuple(self._in_text[at : at + _SHINGLE_WORDS]) for at in starts)

    @cached_property
    def figures(self) -> frozenset[str]:
        return frozenset(word for word in self._in_text if any(letter.isdigit() for letter in word))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self._in_text).union(_words(self._passage.heading))

    def is_copy_of(self, other: "_Fingerprint", asked: frozenset[str]) -> bool:
        if self.section != other.section:
            return False
        if self.figures != other.figures or asked & (self.words ^ other.words):
            return False
        shared = len(self.shingles & other.shingles)
        return shared >= _NEARLY_THE_SAME * (len(self.shingles) + len(other.shingles) - shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copies:
    first: _Fingerprint
    passages: list[Passage]

    def chosen(self) -> Passage:
        best = self.passages[0]
        # `max` takes the first of equals, which is the better hit.
        return replace(max(self.passages, key=_preference), score=best.score)


def _preference(passage: Passage) -> tuple[bool, datetime, bool]:
    return passage.uri.startswith(_WEB), passage.modified_at or _NO_DATE, passage.scope == PUBLIC


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
