"""Fit a policy over arms, calibrated and priced on questions that it did not see.

Its scores are the mean of two logistic regressions an arm: one linear in all figures, n-grams among them, the other
curved in the dense ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from router.datasets.examples import Arm, Example
from router.errors import ExamplesUnreadable
from router.learned.arms import ArmsPolicy, steps_of
from router.learned.calibrating import fit_calibration
from router.learned.encoding import Encoded, Encoder, Floats, Reading, fit_encoder
from router.learned.fitting import as_linear, calibrated, fit_logistic, fit_nearness, matrix
from router.learned.linear import Linear, logistic
from router.learned.measures import Truths
from router.learned.nearness import Nearness
from router.learned.splits import check_folds, folds
from router.learned.thresholds import fit_price, fit_thresholds

FEWEST = 50
_STRENGTH = 0.15
_FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    encoder: Encoder
    model: Linear
    near: Nearness

    def scores(self, encoded: Encoded) -> Floats:
        return self.model.scores(encoded) + self.near.scores(encoded.dense)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """The searches a question that a policy may take on average, and the share of answers that may be wrong where it may
    also decline.
    """  # noqa: D205

    mean_steps: float = 1.6
    risk: float = 0.4


def fit_arms(examples: Sequence[Example], readings: Sequence[Reading], aims: Aims, *, seed: int = 0) -> ArmsPolicy:
    """Raises ExamplesUnreadable where there are too few rows, or an arm was tried on some of them only."""
    arms = tuple(arm for arm in Arm if arm in examples[0].right)
    if len(examples) < FEWEST:
        raise ExamplesUnreadable(f"A policy is fitted on {FEWEST} questions or more; here are {len(examples)}")
    if any(set(example.right) != set(arms) for example in examples):
        raise ExamplesUnreadable(f"Not every line tells whether {', '.join(arms)} was right, as the first one does")
    check_folds([example.conversation for example in examples], _FOLDS)
    right = np.array([[example.right[arm] for arm in arms] for example in examples])
    scores = _unseen_scores(examples, readings, right, seed)
    calibrations = [fit_calibration(scores[:, number], right[:, number]) for number in range(len(arms))]
    probabilities = logistic(np.stack([each.apply(scores[:, n]) for n, each in enumerate(calibrations)], axis=1))
    steps = steps_of(arms)
    price = fit_price(probabilities, steps, mean_steps=aims.mean_steps)
    fitted = _fit(readings, right)
    slope = np.array([each.slope for each in calibrations])
    return ArmsPolicy(
        encoder=fitted.encoder,
        model=calibrated(fitted.model, calibrations),
        near=replace(fitted.near, weights=fitted.near.weights * slope),
        arms=arms,
        price=price,
        thresholds=fit_thresholds(probabilities, right, steps, price=price, risk=aims.risk),
    )


def _unseen_scores(examples: Sequence[Example], readings: Sequence[Reading], right: Truths, seed: int) -> Floats:
    """(n_rows, n_arms), each row's by a model that was fitted on others."""
    scores = np.zeros(right.shape)
    strata = [f"{example.dataset} {example.right}" for example in examples]
    for fitted_on, predicted in folds(strata, [example.conversation for example in examples], seed=seed, count=_FOLDS):
        fitted = _fit([readings[row] for row in fitted_on], right[fitted_on])
        for row in predicted:
            scores[row] = fitted.scores(fitted.encoder.weigh(readings[row]))
    return scores


def _fit(readings: Sequence[Reading], right: Truths) -> _Fitted:
    encoder = fit_encoder(readings)
    encoded = [encoder.weigh(each) for each in readings]
    rows = matrix(encoded, encoder)
    fitted = [fit_logistic(rows, right[:, number], strength=_STRENGTH) for number in range(right.shape[1])]
    linear = as_linear([weights for weights, _ in fitted], [bias for _, bias in fitted], encoder)
    near, biases = fit_nearness(np.array([each.dense for each in encoded]), right, encoder)
    return _Fitted(
        encoder=encoder,
        model=Linear(sparse=linear.sparse / 2, dense=linear.dense / 2, bias=(linear.bias + biases) / 2),
        near=replace(near, weights=near.weights / 2),
    )
