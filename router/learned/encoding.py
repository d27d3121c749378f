"""From a question to the figures that a model weighs: n-grams, the question's embedding, and named figures.

The n-grams are weighed by how rare they are (TF-IDF with logarithmic counts), each of the two kinds to length one. The
named figures are standardised, and cut off where a message is unlike all that the encoder was fitted on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from knowledge.audience import EVERYONE
from knowledge.documents import Passage
from router.learned.ngrams import letter_buckets, word_buckets
from router.learned.shape import shape
from router.learned.surroundings import surroundings
from router.questions import Question

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A power of two.
BUCKETS = 2**18
# So that one strength of regularisation suits all three.
EMBEDDING_WEIGHT = 1.5
FIGURE_WEIGHT = 0.3
_FURTHEST = 4.0
# Rounding alone spreads a figure that is always the same, by less than this.
_ALIKE = 1e-9
_FEWEST_WORDS = 2
_FEWEST_LETTERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that an encoder looks at. `vector` is the embedding of what is searched for, of length one; or empty."""

    question: Question
    passages: Sequence[Passage] | None
    vector: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is found in a question before anything is weighed: how often each bucket occurs, and the named figures."""

    words: Mapping[int, int]
    letters: Mapping[int, int]
    figures: Mapping[str, float]
    vector: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """`columns` and `values` are the n-grams known to the encoder, `dense` the embedding and the named figures."""

    columns: Ints
    values: Floats
    dense: Floats


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Buckets worth a weight, in ascending order, and the rarity (inverse document frequency) of each."""

    buckets: Sequence[int]
    rarity: Sequence[float]

    @cached_property
    def places(self) -> Mapping[int, int]:
        return {bucket: place for place, bucket in enumerate(self.buckets)}

    @cached_property
    def _rarities(self) -> Floats:
        return np.array(self.rarity, dtype=np.float64)

    def weigh(self, counts: Mapping[int, int]) -> tuple[list[int], Floats]:
        known = [(place, count) for bucket, count in counts.items() if (place := self.places.get(bucket)) is not None]
        places = [place for place, _ in known]
        values = (1 + np.log([count for _, count in known])) * self._rarities[places]
        length = float(np.sqrt(values @ values)) or 1.0
        return places, values / length


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    buckets: int
    words: Vocabulary
    letters: Vocabulary
    figures: Sequence[str]
    mean: Floats
    spread: Floats

    def weigh(self, reading: Reading) -> Encoded:
        words, word_values = self.words.weigh(reading.words)
        letters, letter_values = self.letters.weigh(reading.letters)
        after_words = len(self.words.buckets)
        figures = (np.array([reading.figures[name] for name in self.figures]) - self.mean) / self.spread
        return Encoded(
            columns=np.array([*words, *(after_words + place for place in letters)], dtype=np.int64),
            values=np.concatenate([word_values, letter_values]),
            dense=np.concatenate(
                [reading.vector * EMBEDDING_WEIGHT, figures.clip(-_FURTHEST, _FURTHEST) * FIGURE_WEIGHT]
            ),
        )

    @property
    def sparse_size(self) -> int:
        return len(self.words.buckets) + len(self.letters.buckets)


def read(facts: Facts, *, buckets: int = BUCKETS) -> Reading:
    text = facts.question.text
    return Reading(
        words=word_buckets(text, buckets),
        letters=letter_buckets(text, buckets),
        figures={**shape(text), **surroundings(facts.question, facts.passages)},
        vector=facts.vector,
    )


def figure_names() -> frozenset[str]:
    """Of the named figures, which every question has."""
    return frozenset({**shape(""), **surroundings(Question(text="", audience=EVERYONE, asker=""), None)})


def fit_encoder(readings: Sequence[Reading], *, buckets: int = BUCKETS) -> Encoder:
    """Learn which n-grams recur, how rare they are, and how the named figures are spread."""
    figures = tuple(readings[0].figures)
    table = np.array([[each.figures[name] for name in figures] for each in readings])
    spread = table.std(axis=0)
    return Encoder(
        buckets=buckets,
        words=_vocabulary([each.words for each in readings], fewest=_FEWEST_WORDS),
        letters=_vocabulary([each.letters for each in readings], fewest=_FEWEST_LETTERS),
        figures=figures,
        mean=table.mean(axis=0),
        spread=np.where(spread > _ALIKE, spread, 1.0),
    )


def _vocabulary(texts: Sequence[Mapping[int, int]], *, fewest: int) -> Vocabulary:
    ids, texts_with = np.unique([bucket for text in texts for bucket in text] or [0], return_counts=True)
    kept = texts_with >= fewest
    rarity = np.log((1 + len(texts)) / (1 + texts_with[kept])) + 1
    return Vocabulary(buckets=ids[kept].tolist(), rarity=rarity.tolist())
