"""Fit a policy over arms: a logistic regression an arm, calibrated and priced on questions that it did not see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from router.datasets.examples import Arm, Example
from router.errors import ExamplesUnreadable
from router.learned.arms import ArmsPolicy, steps_of
from router.learned.calibrating import fit_calibration
from router.learned.encoding import Encoder, Floats, Reading, fit_encoder
from router.learned.fitting import as_linear, calibrated, fit_logistic, matrix
from router.learned.linear import Linear, logistic
from router.learned.measures import Truths
from router.learned.splits import folds
from router.learned.thresholds import fit_price, fit_thresholds

FEWEST = 50
_STRENGTH = 0.1
_FOLDS = 5


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
    right = np.array([[example.right[arm] for arm in arms] for example in examples])
    scores = _unseen_scores(examples, readings, right, seed)
    calibrations = [fit_calibration(scores[:, number], right[:, number]) for number in range(len(arms))]
    probabilities = logistic(np.stack([each.apply(scores[:, n]) for n, each in enumerate(calibrations)], axis=1))
    steps = steps_of(arms)
    price = fit_price(probabilities, steps, mean_steps=aims.mean_steps)
    encoder, model = _fit(readings, right)
    return ArmsPolicy(
        encoder=encoder,
        model=calibrated(model, calibrations),
        arms=arms,
        price=price,
        thresholds=fit_thresholds(probabilities, right, steps, price=price, risk=aims.risk),
    )


def _unseen_scores(examples: Sequence[Example], readings: Sequence[Reading], right: Truths, seed: int) -> Floats:
    """(n_rows, n_arms), each row's by a model that was fitted on others."""
    scores = np.zeros(right.shape)
    strata = [f"{example.dataset} {example.right}" for example in examples]
    for fitted_on, predicted in folds(strata, [example.conversation for example in examples], seed=seed, count=_FOLDS):
        encoder, model = _fit([readings[row] for row in fitted_on], right[fitted_on])
        for row in predicted:
            scores[row] = model.scores(encoder.weigh(readings[row]))
    return scores


def _fit(readings: Sequence[Reading], right: Truths) -> tuple[Encoder, Linear]:
    encoder = fit_encoder(readings)
    rows = matrix([encoder.weigh(each) for each in readings], encoder)
    fitted = [fit_logistic(rows, right[:, number], strength=_STRENGTH) for number in range(right.shape[1])]
    return encoder, as_linear([weights for weights, _ in fitted], [bias for _, bias in fitted], encoder)
