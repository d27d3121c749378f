"""Fit a policy over labels: a linear machine a label, and a judge of what fits none of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.datasets.examples import OUT_OF_SCOPE, Example
from router.errors import ExamplesUnreadable
from router.learned.calibrating import fit_calibration
from router.learned.encoding import Encoder, Floats, Reading, fit_encoder
from router.learned.fitting import Rows, as_linear, calibrated, fit_logistic, fit_margin, fit_margins, matrix
from router.learned.labels import LabelPolicy, Scope, nearness, signs
from router.learned.linear import Linear, logistic
from router.learned.measures import Truths, macro_f1
from router.learned.splits import check_folds, folds

FEWEST = 50
FEWEST_OUT_OF_SCOPE = 20
# With few labels, examples are few as well, and a logistic regression is the more cautious one.
_FEW_LABELS = 20
_CAUTIOUS_STRENGTH = 0.3
_STRENGTH = 0.5
_FOLDS = 3
# What is out of scope is a small share of a data set, and a large one of what people say.
_OUT_OF_SCOPE_WEIGHT = 10.0
_TILTS = np.linspace(0, 1, 11)
_JUDGE_STRENGTH = 10.0
_THRESHOLDS = 200

Names = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    encoder: Encoder
    model: Linear
    centres: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unseen:
    """Of each row, by a model that was fitted on others: its scores, and its cosine to the nearest centre."""

    scores: Floats
    nearest: Floats


def fit_labels(examples: Sequence[Example], readings: Sequence[Reading], *, seed: int = 0) -> LabelPolicy:
    """Raises ExamplesUnreadable where there is too little to learn from."""
    given: Names = np.array([example.label for example in examples])
    labels = tuple(sorted(set(given.tolist()) - {OUT_OF_SCOPE}))
    outside = given == OUT_OF_SCOPE
    _check_enough(len(examples), len(labels), int(outside.sum()))
    check_folds([example.conversation for example in examples], _FOLDS)
    unseen = _unseen(examples, readings, given, labels, seed)
    names = [*labels, *([OUT_OF_SCOPE] if outside.any() else [])]
    calibrations = [fit_calibration(unseen.scores[:, place], given == name) for place, name in enumerate(names)]
    scores = np.stack([each.apply(unseen.scores[:, place]) for place, each in enumerate(calibrations)], axis=1)
    of_labels = scores[~outside, : len(labels)]
    tilt = _fit_tilt(of_labels, given[~outside], labels)
    right = np.array(labels)[(of_labels + tilt).argmax(axis=1)] == given[~outside]
    fitted = _fit(readings, given, labels)
    return LabelPolicy(
        encoder=fitted.encoder,
        model=calibrated(fitted.model, calibrations),
        labels=labels,
        tilt=tilt,
        scope=_fit_scope(signs(scores, unseen.nearest), outside, right, fitted.centres) if outside.any() else None,
    )


def _unseen(
    examples: Sequence[Example], readings: Sequence[Reading], given: Names, labels: Sequence[str], seed: int
) -> _Unseen:
    scores = np.zeros((len(examples), len(labels) + int((given == OUT_OF_SCOPE).any())))
    nearest = np.zeros(len(examples))
    conversations = [example.conversation for example in examples]
    for fitted_on, rows in folds(given.tolist(), conversations, seed=seed, count=_FOLDS):
        fitted = _fit([readings[row] for row in fitted_on], given[fitted_on], labels)
        for row in rows:
            scores[row] = fitted.model.scores(fitted.encoder.weigh(readings[row]))
            nearest[row] = nearness(readings[row].vector, fitted.centres)
    return _Unseen(scores=scores, nearest=nearest)


def _check_enough(count: int, labels: int, outside: int) -> None:
    if count < FEWEST or labels < 2:  # noqa: PLR2004
        raise ExamplesUnreadable(f"A policy is fitted on {FEWEST} questions or more, of two labels or more")
    if 0 < outside < FEWEST_OUT_OF_SCOPE:
        raise ExamplesUnreadable(
            f"What is out of scope is learnt from {FEWEST_OUT_OF_SCOPE} questions or more; {outside} are labelled so"
        )


def _fit(readings: Sequence[Reading], given: Names, labels: Sequence[str]) -> _Fitted:
    """One output a label, fitted on what has a label; and one of what is out of scope against all the rest."""
    encoder = fit_encoder(readings)
    encoded = [encoder.weigh(reading) for reading in readings]
    outside = given == OUT_OF_SCOPE
    labelled = matrix([each for each, is_outside in zip(encoded, outside, strict=True) if not is_outside], encoder)
    weights = _fit_each(labelled, given[~outside], labels)
    if outside.any():
        weights.append(fit_margin(matrix(encoded, encoder), outside, strength=_STRENGTH, weight=_OUT_OF_SCOPE_WEIGHT))
    return _Fitted(
        encoder=encoder,
        model=as_linear([found for found, _ in weights], [bias for _, bias in weights], encoder),
        centres=np.array([_centre(readings, given == label) for label in labels]),
    )


def _fit_each(rows: Rows, given: Names, labels: Sequence[str]) -> list[tuple[Floats, float]]:
    if len(labels) <= _FEW_LABELS:
        return [fit_logistic(rows, given == label, strength=_CAUTIOUS_STRENGTH) for label in labels]
    return fit_margins(rows, given.tolist(), labels, strength=_STRENGTH)


def _centre(readings: Sequence[Reading], within: Truths) -> Floats:
    total = np.sum([each.vector for each, is_within in zip(readings, within, strict=True) if is_within], axis=0)
    return total / (np.linalg.norm(total) or 1.0)


def _fit_tilt(scores: Floats, given: Names, labels: Sequence[str]) -> Floats:
    """How far rare labels are helped: as much as raises the mean of the labels' F1 most, and not at all where it does not."""
    common = np.log([(given == label).mean() for label in labels])
    tried = [-share * (common - common.max()) for share in _TILTS]
    return max(
        tried, key=lambda tilt: macro_f1(given.tolist(), np.array(labels)[(scores + tilt).argmax(axis=1)].tolist())
    )


def _fit_scope(evidence: Floats, outside: Truths, right: Truths, centres: Floats) -> Scope:
    mean, spread = evidence.mean(axis=0), evidence.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    standard = (evidence - mean) / spread
    weights, bias = fit_logistic(standard, outside, strength=_JUDGE_STRENGTH)
    likely = logistic(standard @ weights + bias)
    return Scope(
        centres=centres,
        mean=mean,
        spread=spread,
        weights=weights,
        bias=bias,
        threshold=_fit_threshold(likely, outside, right),
    )


def _fit_threshold(likely: Floats, outside: Truths, right: Truths) -> float:
    """Where the share of what is out of scope and told so, and twice that of the rest that is labelled right, sum highest.

    Twice, for a person whose plain request is turned away is the worse served of the two.
    """
    tried = np.quantile(likely[outside], np.linspace(0, 1, _THRESHOLDS))

    def worth(threshold: float) -> float:
        told = likely >= threshold
        return float(told[outside].mean() + 2 * (right & ~told[~outside]).mean())

    return float(max(tried, key=worth))
