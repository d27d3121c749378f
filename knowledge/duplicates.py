"""Passages that say the same: the copies of a page that is kept in several places, told by their shingles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

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
        fingerprint = _fingerprint(hit)
        same = next((copies for copies in kept if copies.first.is_copy_of(fingerprint, asked)), None)
        if same is not None:
            same.passages.append(hit)
        elif len(kept) < limit:
            kept.append(_Copies(first=fingerprint, passages=[hit]))
    return [copies.chosen() for copies in kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fingerprint:
    section: str
    shingles: frozenset[tuple[str, ...]]
    figures: frozenset[str]
    words: frozenset[str]

    def is_copy_of(self, other: "_Fingerprint", asked: frozenset[str]) -> bool:
        if self.section != other.section or self.figures != other.figures or asked & (self.words ^ other.words):
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


def _fingerprint(passage: Passage) -> _Fingerprint:
    words = _words(passage.text)
    starts = range(max(1, len(words) - _SHINGLE_WORDS + 1))
    return _Fingerprint(
        section=passage.section,
        shingles=frozenset(tuple(words[at : at + _SHINGLE_WORDS]) for at in starts),
        figures=frozenset(word for word in words if any(letter.isdigit() for letter in word)),
        words=frozenset(words).union(_words(passage.heading)),
    )


def _preference(passage: Passage) -> tuple[bool, datetime, bool]:
    return passage.uri.startswith(_WEB), passage.modified_at or _NO_DATE, passage.scope == PUBLIC


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
