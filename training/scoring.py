"""How well an answer matches its gold, as SQuAD scores it (arXiv 1606.05250), and how sure a mean is."""

import random
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from router.prompts import DECLINE

_CITATION = re.compile(r"\[(\d+)\]")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A mean with its bootstrap 95% interval over `n` questions."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.n})"


def f1(answer: str, golds: Sequence[str]) -> float:
    """Token overlap with the best gold, in [0, 1]; citations do not count."""
    return max(_overlap(_said(answer), _words(gold)) for gold in golds)


def exact(answer: str, golds: Sequence[str]) -> bool:
    """Whether it says a gold and nothing else; articles, punctuation and citations do not count."""
    return any(_said(answer) == _words(gold) for gold in golds)


def holds_gold(answer: str, golds: Sequence[str]) -> bool:
    """Whether a gold stands in it, word by word; a citation's number is no word."""
    said = f" {' '.join(_said(answer))} "
    return any(f" {' '.join(_words(gold))} " in said for gold in golds)


def citations(answer: str) -> list[int]:
    return [int(number) for number in _CITATION.findall(answer)]


def declines(answer: str) -> bool:
    return _words(DECLINE) == _words(answer)[: len(_words(DECLINE))]


def measure(values: Sequence[float], *, seed: int = 0) -> Measured:
    """Raises ValueError for no values: a mean of nothing is no figure."""
    if not values:
        raise ValueError("nothing was measured")
    rng = random.Random(seed)  # noqa: S311 - resampling, not a secret
    means = sorted(sum(rng.choices(values, k=len(values))) / len(values) for _ in range(_RESAMPLES))
    return Measured(
        mean=sum(values) / len(values),
        low=means[round(0.025 * _RESAMPLES)],
        high=means[round(0.975 * _RESAMPLES) - 1],
        n=len(values),
    )


def _overlap(said: Sequence[str], gold: Sequence[str]) -> float:
    if not said or not gold:
        return float(said == gold)
    common = (Counter(said) & Counter(gold)).total()
    return 2 * common / (len(said) + len(gold))


def _said(answer: str) -> list[str]:
    """Its words, without citations."""
    return _words(_CITATION.sub(" ", answer))


def _words(text: str) -> list[str]:
    return _ARTICLE.sub(" ", "".join(letter for letter in text.lower() if not _is_punctuation(letter))).split()


def _is_punctuation(letter: str) -> bool:
    """Of ASCII what SQuAD takes for it, and that of all scripts, as in MLQA (arXiv 1910.07475): people write “so”."""
    return letter in string.punctuation or unicodedata.category(letter).startswith("P")
