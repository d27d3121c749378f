"""Platt's calibration: a slope and a shift that make scores into odds that come true (Platt, 1999)."""

from dataclasses import dataclass

import numpy as np

from router.learned.encoding import Floats
from router.learned.linear import logistic
from router.learned.measures import Truths

_ROUNDS = 25
# Of slope 1 and shift 0, as strong as this many rows: few rows change little.
_PRIOR = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    slope: float
    shift: float

    def apply(self, scores: Floats) -> Floats:
        return scores * self.slope + self.shift


def fit_calibration(scores: Floats, truths: Truths) -> Calibration:
    """By Newton's method, from scores of rows that were not learnt from."""
    prior = np.array([1.0, 0.0])
    found = prior.copy()
    table = np.stack([scores, np.ones(len(scores))], axis=1)
    for _ in range(_ROUNDS):
        likely = logistic(table @ found)
        slope = table.T @ (likely - truths) + _PRIOR * (found - prior)
        curve = (table * (likely * (1 - likely))[:, None]).T @ table + _PRIOR * np.eye(2)
        found -= np.linalg.solve(curve, slope)
    return Calibration(slope=float(found[0]), shift=float(found[1]))
