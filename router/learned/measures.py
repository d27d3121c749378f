"""What predictions are worth: ranking, calibration, F1, risk against coverage, and intervals by the bootstrap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

_BINS = 10
_POINTS = 21


def auroc(truths: Truths, scores: Floats) -> float | None:
    """The chance that a true one scores above a false one, ties counting half; None where there is no such pair."""
    positives = int(truths.sum())
    negatives = len(truths) - positives
    if not positives or not negatives:
        return None
    values, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place] if len(values) else np.zeros(0)
    return float((ranks[truths].sum() - positives * (positives + 1) / 2) / (positives * negatives))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Predictions of about the same probability: their mean, how often they came true, and how many they are."""

    predicted: float
    observed: float
    count: int


def calibration(truths: Truths, probabilities: Floats) -> list[Bin]:
    """In ten bins of equal width; empty ones are left out."""
    number = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    return [
        Bin(
            predicted=float(probabilities[within].mean()),
            observed=float(truths[within].mean()),
            count=int(within.sum()),
        )
        for within in (number == bin_ for bin_ in range(_BINS))
        if within.any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error (Naeini et al., 2015)."""
    total = sum(each.count for each in bins)
    return sum(each.count * abs(each.predicted - each.observed) for each in bins) / total


def risk_coverage(right: Truths, confidence: Floats) -> list[tuple[float, float]]:
    """(share answered, share of those that is wrong), the surest first, in steps of a twentieth."""
    wrong = ~right[np.argsort(-confidence, kind="stable")]
    ends = sorted({max(1, round(len(wrong) * step / (_POINTS - 1))) for step in range(1, _POINTS)})
    return [(end / len(wrong), float(wrong[:end].mean())) for end in ends]


def macro_f1(truths: Sequence[str], predicted: Sequence[str]) -> float:
    """The mean over the labels that occur in the truths."""
    scores: list[float] = []
    for label in sorted(set(truths)):
        both = sum(one == label == other for one, other in zip(truths, predicted, strict=True))
        either = sum(one == label for one in truths) + sum(other == label for other in predicted)
        scores.append(2 * both / either)
    return sum(scores) / len(scores)


def interval(
    measure: Callable[[NDArray[np.int64]], float], count: int, *, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The middle 95% of `measure` over rows drawn with replacement; the rows drawn are handed over by number.

    A difference of two measures on the same rows makes the bootstrap a paired one.
    """
    random = np.random.default_rng(seed)
    drawn = [measure(random.integers(count, size=count)) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
