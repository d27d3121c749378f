"""What to ask of a probability before it is acted upon, fitted on predictions for questions that were not learnt from."""

import math
from itertools import product

import numpy as np

from router.learned.arms import Thresholds, choose, decide
from router.learned.encoding import Floats
from router.learned.measures import Truths

_HALVINGS = 40
# As in the one-standard-error rule (Breiman et al., 1984): five of six sets of other questions stay below.
_STANDARD_ERRORS = 1.0
_GRID = 25
# An arm that nothing speaks for is never right by more than this.
_HIGHEST_PRICE = 1.0


def fit_price(probabilities: Floats, steps: Floats, *, mean_steps: float) -> float:
    """The lowest price of a step, from 0, at which the arms chosen take no more than `mean_steps` on average.

    The mean is kept so far below that as many other questions of the kind stay below it too, in five cases of six.
    """

    def is_kept(price: float) -> bool:
        taken = steps[choose(probabilities, steps, price)]
        return taken.mean() + _STANDARD_ERRORS * taken.std() * math.sqrt(2 / len(taken)) <= mean_steps

    low, high = 0.0, _HIGHEST_PRICE
    if is_kept(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_kept(middle) else (middle, high)
    return high


def fit_thresholds(probabilities: Floats, right: Truths, steps: Floats, *, price: float, risk: float) -> Thresholds:
    """The pair that answers most, of all pairs that keep the risk; with equal answers, the one with most direct ones.

    `right` has the shape of `probabilities`. Where no pair keeps the risk, nothing is answered.
    """
    best, most = Thresholds(risk=risk, direct=1.0, answer=1.0), (0, 0)
    for direct, answer in product(*_candidates(probabilities, steps)):
        tried = Thresholds(risk=risk, direct=direct, answer=answer)
        chosen = decide(probabilities, steps, price=price, thresholds=tried)
        answered = np.flatnonzero(chosen >= 0)
        was_right = right[answered, chosen[answered]]
        was_direct = steps[chosen[answered]] == 0
        told = (len(answered), int(was_direct.sum()))
        if told > most and _keeps(risk, was_right) and _keeps(risk, was_right[was_direct]):
            best, most = tried, told
    return best


def _candidates(probabilities: Floats, steps: Floats) -> tuple[list[float], list[float]]:
    shares = np.linspace(0, 1, _GRID)
    free = probabilities[:, steps == 0]
    direct = np.quantile(free, shares).tolist() if free.size else [1.0]
    return direct, np.quantile(probabilities.max(axis=1), shares).tolist()


def _keeps(risk: float, right: Truths) -> bool:
    return not len(right) or 1 - right.mean() <= risk
