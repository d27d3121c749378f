"""Checks an answer sentence by sentence against its passages, before anything of it is released."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from knowledge.documents import Passage
from router.answers import Source
from router.links import REMOVED, defuse
from router.prompts import DECLINE
from router.sentences import NAMED
from router.support import Claim, Evidence, best_supporting, claim_of
from router.words import content_words, tokens

_UNTIL = r"\s*(?:[-‐-―]|\bto\b)"
_FURTHER = rf"(?:(?:{_UNTIL}|\s*(?:[,;/&]|\band\b)){{1,2}}\s*(?:{NAMED})?\^?\d{{1,3}})*"
# In parentheses only where it is named: a plain (1) may be the number of a list.
_MARK = re.compile(
    rf"(?:[\[【][ \t]*((?:{NAMED})?\^?\d{{1,3}}{_FURTHER})(?:[ \t]*\([^()\[\]\n]{{0,80}}\))?[ \t]*[\]】]"
    rf"|\([ \t]*({NAMED}\^?\d{{1,3}}{_FURTHER})[ \t]*\))"
)
_NUMBERS = re.compile(rf"(\d+)(?:{_UNTIL}\s*(\d+))?")
_SPACED_MARK = re.compile(rf"[ \t]*{_MARK.pattern}")
_MARKS = re.compile(rf"^(?:{_MARK.pattern}[ \t]*)+|(?:[ \t]*{_MARK.pattern})+")
_NAME = re.compile(NAMED)
# What a mark stands behind in prose. Where it touches a word that is no name it is rather an index: row[1], $Row[1].
_BEFORE_BLANK = re.compile(r"[\w.!?,;:)\"”’]\Z")
_BEFORE_MARK = re.compile(r"(?:\w[.!?,;:]|(?<![\w$@.`])(?P<word>[^\W\d_]{2,}|\d+))\Z")
_END_OF_SENTENCE = re.compile(r"[.!?…:]*[\"'”’*_]*\s*$")
# Words that join sentences and claim nothing: “Here is what the documents say:”
_JOINING = frozenset(
    content_words("answer base based document documents follow following follows found here note say says")
)
# Of these and their like a sentence answers that holds no word of content: “Yes, you can.”
_YES_OR_NO = frozenset({"yes", "no"})
_ANSWERING = frozenset(
    {"can", "cannot", "could", "may", "might", "must", "need", "not", "shall", "should", "will", "would"}
)
_AUXILIARIES = frozenset({"am", "are", "did", "do", "does", "had", "has", "have", "is", "was", "were"})
_NO = re.compile(r"\W*no\b", re.IGNORECASE)
_QUOTE_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A sentence fit for release, or withheld (`text` is empty) because no passage supports it.

    `removed` counts the citations and links that were taken out.
    """

    text: str
    cited: tuple[int, ...] = ()
    removed: int = 0


class CitationChecker:
    """Holds the passages of one answer, numbered from 1 as in its prompt."""

    def __init__(self, passages: Sequence[Passage], *, question: str) -> None:
        self._passages = passages
        self._question = question
        self._evidence = [Evidence(passage.text, title=passage.heading) for passage in passages]
        self._urls = frozenset(passage.uri for passage in passages)
        self._ordinary = frozenset(word for passage in passages for word in tokens(passage.text) if word.islower())
        self._quotes: dict[int, str] = {}

    def check(self, sentence: str) -> Checked:
        """Keep the citations that hold, move a wrong one to the passage that supports the sentence, drop the rest.

        A sentence that claims something no passage supports is withheld, cited or not.
        """
        safe = defuse(sentence, self._urls)
        cited = _cited(safe.text)
        bare = _SPACED_MARK.sub("", safe.text)
        words = self._without_links(bare)
        if not cited and not _claims(words) and not _answers(words):
            return Checked(text=bare, removed=safe.removed)
        claim = self._claim(words)
        standing = self._standing(claim, cited)
        if not standing:
            return Checked(text="", removed=safe.removed + len(cited))
        for n in standing:
            self._quotes.setdefault(n, self._evidence[n - 1].quote(claim, self._question))
        if set(standing) == set(cited):
            return Checked(text=_MARK.sub(_plain, safe.text), cited=standing, removed=safe.removed)
        moved = bool(cited) and not set(cited) & set(standing)
        removed = len(set(cited) - set(standing)) - (1 if moved else 0)
        return Checked(text=_marked(bare, standing), cited=standing, removed=safe.removed + removed)

    def sources(self, cited: Sequence[int]) -> tuple[Source, ...]:
        """The cited passages in the order of their numbers, each with the sentence that supports the answer."""
        return tuple(self._source(n, self._passages[n - 1], self._quotes.get(n, "")) for n in sorted(set(cited)))

    def _source(self, n: int, passage: Passage, quote: str) -> Source:
        return Source(
            n=n,
            title=passage.title,
            uri=passage.uri,
            quote=quote[:_QUOTE_CHARS],
            document_id=passage.document_id,
            chunk_id=passage.chunk_holding(quote),
        )

    def _without_links(self, bare: str) -> str:
        for link in (REMOVED, *self._urls):
            bare = bare.replace(link, "")
        return bare

    def _claim(self, words: str) -> Claim:
        """“Yes [1]” claims what was asked, “No [1]” only that the passage speaks of it: its figures may differ."""
        if _claims(words):
            return claim_of(words, self._question, ordinary=self._ordinary)
        asked = claim_of(self._question, self._question, ordinary=self._ordinary)
        return replace(asked, must_stand=frozenset()) if _NO.match(words) else asked

    def _standing(self, claim: Claim, cited: Sequence[int]) -> tuple[int, ...]:
        """The citations that hold, else the one that would."""
        standing = tuple(
            n for n in dict.fromkeys(cited) if 1 <= n <= len(self._evidence) and self._evidence[n - 1].supports(claim)
        )
        if standing:
            return standing
        best = best_supporting(self._evidence, claim)
        return () if best is None else (best + 1,)


def citing(text: str, n: int) -> str:
    """The text with passage `n` in each of its citations, or with one at its end."""
    if _MARK.search(text):
        return _MARK.sub(f"[{n}]", text)
    return _marked(text, [n])


def is_decline(sentence: str) -> bool:
    """Whether the model says that the passages do not hold the answer."""
    plain = _SPACED_MARK.sub("", sentence).strip().rstrip(".").lower()
    return plain.startswith(DECLINE.rstrip(".").lower())


def without_citations(sentence: str) -> tuple[str, int]:
    """A sentence of an answer that has no sources, less the citations it invents, and how many they were.

    Code stays: `row[1]` is no citation, while `Paris[1]` and `[source 1]` are.
    """
    if sentence.lstrip().startswith(("```", "~~~")):
        return sentence, 0
    removed = 0

    def less(marks: re.Match[str]) -> str:
        nonlocal removed
        kept = "" if _stand_in_prose(marks) else _SPACED_MARK.sub(_unless_named, marks[0])
        removed += len(_MARK.findall(marks[0])) - len(_MARK.findall(kept))
        return kept if kept.strip() else ""

    return _MARKS.sub(less, sentence), removed


def _stand_in_prose(marks: re.Match[str]) -> bool:
    before, after = marks.string[: marks.start()], marks.string[marks.end() : marks.end() + 1]
    if after.isalnum() or after == "_":
        return False
    if marks[0][0] in " \t":
        return _BEFORE_BLANK.search(before) is not None
    touched = _BEFORE_MARK.search(before)
    return touched is not None and (touched["word"] is None or touched["word"].istitle() or touched["word"].isdigit())


def _unless_named(mark: re.Match[str]) -> str:
    return "" if _NAME.search(mark[0]) else mark[0]


def _cited(text: str) -> list[int]:
    """Every number that is cited; `[1-3]` cites 2 as well."""
    return [n for mark in _MARK.finditer(text) for n in _numbers(mark)]


def _numbers(mark: re.Match[str]) -> list[int]:
    cited: list[int] = []
    for found in _NUMBERS.finditer(mark[1] or mark[2]):
        first, last = sorted((int(found[1]), int(found[2] or found[1])))
        cited.extend(range(first, last + 1))
    return cited


def _plain(mark: re.Match[str]) -> str:
    """`[n]` for each number, which says to the reader just what was checked."""
    return "".join(f"[{n}]" for n in dict.fromkeys(_numbers(mark)))


def _claims(bare: str) -> bool:
    return not _JOINING.issuperset(content_words(bare))


def _answers(bare: str) -> bool:
    """“Yes, you can.” and “They do.” say as much as the question does; “You may:” only opens a list."""
    words = [word.lower().replace("’", "'") for word in tokens(bare)]
    if not _YES_OR_NO.isdisjoint(words):
        return True
    if not words or bare.rstrip().endswith(":"):
        return False
    return words[-1] in _AUXILIARIES or any(word in _ANSWERING or word.endswith("n't") for word in words)


def _marked(bare: str, numbers: Sequence[int]) -> str:
    marks = "".join(f"[{n}]" for n in numbers)
    end = _END_OF_SENTENCE.search(bare)
    at = end.start() if end else len(bare)
    return f"{bare[:at].rstrip()} {marks}{bare[at:]}"
