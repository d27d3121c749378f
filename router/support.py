"""Whether a passage supports what a sentence claims, judged by their words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from router.sentences import split_sentences
from router.words import content_words, numbers, stem, tokens

# Tuned on short answers and on sentences, against the right passage and against others: see tests/router/test_support.py.
_ENOUGH = 0.6
_WINDOW = 3
_WHOLE_PASSAGE_DISCOUNT = 0.85
_NEW_WORDS_SHARE = 0.7
# Words that often open a sentence of an answer, and that its passage need not hold.
_ORDINARY_OPENINGS = """
according accordingly actually additionally afterwards allow already although always anybody anyone anything apply ask based
basically besides book bring call check company contact correct currently depending despite document documents email employee
employees ensure every everybody everyone everything except file fill finally firstly following furthermore generally go hence
however including indeed instead last lastly later make meanwhile member members moreover namely never nevertheless next nobody
none normally note nothing often otherwise overall page pages passage passages pay people per person plus policy presumably
previously probably rather read regarding remember report request right secondly see send several sign similarly simply since
somebody someone something sometimes soon specifically staff submit sure take talk team teams tell therefore third though today
together typically unfortunately unless unlike upon use user users using usually via visit wait whether whichever whoever within
workers write yet
"""
_OPENINGS = frozenset(_ORDINARY_OPENINGS.split())
# “Not just 20” and “not before 20” claim their figure, or a limit that is one.
_LIMITS = """
above after alone always before below beneath beyond earlier exceed exceeding exceeds fewer greater higher just later less
longer lower merely more only over past shorter simply since solely sooner till under until within
"""
_DENIED = re.compile(rf"(?:\bnot|n['’]t)\s+(?!(?:{'|'.join(_LIMITS.split())})\b)(?:\w+\s+)?\S+", re.IGNORECASE)

# `one` alone is more often a pronoun; before a unit it is a figure, and a page may say “a week” for it.
_UNIT = r"[\s-](?:\w+\s)?(second|minute|hour|day|night|week|month|year|dollar|euro|pound|percent)\b"
_ONE_UNIT = re.compile(rf"\b(?:one|1){_UNIT}", re.IGNORECASE)
_A_UNIT = re.compile(rf"\b(?:one|1|an?|per|each|every|single){_UNIT}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence as it is checked: its words, those that the question did not bring, and those it must not invent."""

    words: frozenset[str]
    new_words: frozenset[str]
    must_stand: frozenset[str]


def claim_of(sentence: str, question: str = "", *, ordinary: frozenset[str] = frozenset()) -> Claim:
    """`ordinary` holds words that the passages write in lower case: opening a sentence, they are no names.

    A name of the question may be repeated. Its figures may not, unless they are denied: “Is it 20 weeks?” invites
    an invented “20 weeks”.
    """
    asked = frozenset(content_words(question))
    words = frozenset(content_words(sentence))
    names = _names(sentence, ordinary) - asked
    denied = asked & {figure for denial in _DENIED.findall(sentence) for figure in numbers(denial)}
    return Claim(
        words=words,
        new_words=words - asked,
        must_stand=(names | numbers(sentence) | _units(_ONE_UNIT, sentence)) - denied,
    )


def _names(sentence: str, ordinary: frozenset[str]) -> frozenset[str]:
    """Capitalised words: names, more often than not; the first one unless it is an ordinary word."""
    words = tokens(sentence)
    if words and (words[0].lower() in ordinary or words[0].lower() in _OPENINGS):
        words = words[1:]
    stems = {stem(word) for word in words if word[0].isupper() and content_words(word)}
    return frozenset(name for name in stems if not name[0].isdigit())


def _units(form: re.Pattern[str], text: str) -> frozenset[str]:
    return frozenset(f"1 {unit.lower()}" for unit in form.findall(text))


class Evidence:
    """One passage, prepared for any number of claims."""

    def __init__(self, text: str, *, title: str = "") -> None:
        self._sentences = split_sentences(_unwrapped(text))
        self._words = [frozenset(content_words(sentence)) for sentence in self._sentences]
        self._title = frozenset(content_words(title))
        self._all = self._title.union(*self._words, _units(_A_UNIT, text))

    def score(self, claim: Claim) -> float:
        """The share of the claim that the passage holds, in [0, 1]; 0 where a number or a name is invented."""
        if not claim.words or not claim.must_stand <= self._all:
            return 0.0
        best = max((_share(claim, window | self._title) for window in self._windows()), default=0.0)
        return max(best, _WHOLE_PASSAGE_DISCOUNT * _share(claim, self._all))

    def supports(self, claim: Claim) -> bool:
        return self.score(claim) >= _ENOUGH

    def quote(self, claim: Claim, question: str = "") -> str:
        """The sentence that best supports the claim; between equal ones, the one nearest to the question."""
        asked = frozenset(content_words(question))
        ranked = max(
            zip(self._sentences, self._words, strict=True),
            key=lambda pair: (_share(claim, pair[1]), len(asked & pair[1])),
            default=("", frozenset[str]()),
        )
        return ranked[0]

    def _windows(self) -> Iterable[frozenset[str]]:
        for at in range(len(self._words)):
            yield frozenset[str]().union(*self._words[at : at + _WINDOW])


def best_supporting(evidence: Sequence[Evidence], claim: Claim) -> int | None:
    """The place of the passage that supports the claim best, or None when none does."""
    scores = [passage.score(claim) for passage in evidence]
    best = max(range(len(scores)), key=scores.__getitem__, default=None)
    return best if best is not None and scores[best] >= _ENOUGH else None


def _share(claim: Claim, words: frozenset[str]) -> float:
    if not claim.words:
        return 0.0
    held = len(claim.words & words) / len(claim.words)
    if not claim.new_words:
        return held
    return _NEW_WORDS_SHARE * len(claim.new_words & words) / len(claim.new_words) + (1 - _NEW_WORDS_SHARE) * held


def _unwrapped(text: str) -> str:
    """Join the lines of a paragraph: a page's source is wrapped anywhere."""
    paragraphs = text.split("\n\n")
    lines = (paragraph.replace("\n", " ") if not _is_list(paragraph) else paragraph for paragraph in paragraphs)
    return "\n\n".join(lines)


def _is_list(paragraph: str) -> bool:
    lines = [line.lstrip() for line in paragraph.splitlines()]
    return any(line.startswith(("- ", "* ", "+ ", "|", "#", "```", "1.")) for line in lines)
