"""A learned policy over labels: what kind of question this is, and whether it is of a kind that is known at all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from router.datasets.examples import OUT_OF_SCOPE
from router.learned.encoding import Encoder, Facts, Floats, Reading, read
from router.learned.linear import Linear, logistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Tells what fits no label, from four signs: the best label's score, its lead over the next, the score of what was
    out of scope in the data, and the cosine to the nearest of the labels' centres, (n_labels, n_dimensions).

    Out of scope is a question whose odds reach `threshold`.
    """  # noqa: D205

    centres: Floats
    mean: Floats
    spread: Floats
    weights: Floats
    bias: float
    threshold: float

    def probability(self, signs: Floats) -> Floats:
        return logistic((signs - self.mean) / self.spread @ self.weights + self.bias)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The probability of each label if one of them fits, the probability that none does, and what it comes to.

    `out_of_scope` is None where the data had nothing out of scope to learn from.
    """

    probabilities: Mapping[str, float]
    out_of_scope: float | None
    choice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPolicy:
    """`model` has one output a label, in the order of `labels`, and one more for what is out of scope where `scope` is
    there: log-odds. `tilt` (n_labels,) is added to the labels' own in the choice, in favour of rare ones.
    """  # noqa: D205

    encoder: Encoder
    model: Linear
    labels: tuple[str, ...]
    tilt: Floats
    scope: Scope | None

    def decide(self, facts: Facts) -> str:
        """A label, or `oos`."""
        return self.weigh_facts(facts).choice

    def weigh_facts(self, facts: Facts) -> Weighed:
        return self.weigh(read(facts, buckets=self.encoder.buckets))

    def weigh(self, reading: Reading) -> Weighed:
        scores = self.model.scores(self.encoder.weigh(reading))
        of_labels = scores[: len(self.labels)]
        odds = logistic(of_labels)
        label = self.labels[int((of_labels + self.tilt).argmax())]
        out_of_scope = None
        if self.scope is not None:
            nearest = nearness(reading.vector, self.scope.centres)
            out_of_scope = float(self.scope.probability(signs(scores[None, :], np.array([nearest])))[0])
        is_outside = out_of_scope is not None and self.scope is not None and out_of_scope >= self.scope.threshold
        return Weighed(
            probabilities=dict(zip(self.labels, map(float, odds / odds.sum()), strict=True)),
            out_of_scope=out_of_scope,
            choice=OUT_OF_SCOPE if is_outside else label,
        )


def nearness(vector: Floats, centres: Floats) -> float:
    return float((centres @ vector).max()) if vector.size else 0.0


def signs(scores: Floats, nearest: Floats) -> Floats:
    """(n_rows, 4), the figures that a Scope judges by. The last column of `scores` is that of what is out of scope."""
    of_labels = np.sort(scores[:, :-1], axis=1)
    best = of_labels[:, -1]
    return np.stack([best, best - of_labels[:, -2], scores[:, -1], nearest], axis=1)
