"""The router's own learning: from all outcomes since the beginning to a corrected policy, if that is not worse."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from router.calibration import GUESS_FEATURES, ArmCalibration, Calibration, good, logit
from router.decisions import Route
from router.errors import PolicyRefused
from router.in_service import base_of, in_service
from router.journal import Journal
from router.outcomes import Outcome, capped, outcomes_of
from router.policies import Policies, digest
from router.releases import Releases

# How far the numbers stray from “believe the policy”: scales of their priors. That of the bias has the heavy tails of
# Cauchy's: most arms are nearly right as they are, and a few are far off.
_SCALES = (0.2, 0.1, 0.25, 0.25)
_NEUTRAL = (0.0, 1.0, 0.0, 0.0)
# An arm that is served once in twenty choices would count twenty times, and its noise with it.
_MOST_IMPORTANCE = 10.0
_HELD_OUT = 0.2
_STEPS = 50
_CLOSE = 1e-9
# The precision of hardly any prior.
_WIDE = 0.05
_KEY_PARTS = 4
_Floats = NDArray[np.float64]
_TOO_LITTLE = "There is too little feedback to learn from and to check with."
_UNREADABLE = "The policy in service cannot be read, so nothing was learnt: promote one, or roll back."
_NOTHING_NEW = "Nothing new was learnt since an earlier refit."
_WORSE = "It would not foretell the feedback that is held out surely better, so the policy in service stays."
_BETTER = "It foretells the feedback that is held out better, and is in service."


@dataclass(frozen=True, slots=True, kw_only=True)
class Refitted:
    """`policy` is what was promoted, empty where nothing was; the losses are those on the outcomes that are held out."""

    reason: str
    policy: str = ""
    outcomes: int = 0
    held_out: int = 0
    loss_before: float | None = None
    loss_after: float | None = None
    by_arm: dict[str, int] = field(default_factory=dict[str, int])


async def refit(*, journal: Journal, releases: Releases, policies: Policies) -> Refitted:
    """Correct the policy in service by what people said, and promote the result if it is better on the holdout, by more
    than the standard error of the difference.

    The holdout is chosen by the question, once and for ever: no refit ever learns from it. Raises JournalUnavailable.
    """  # noqa: D205
    release = await releases.in_service()
    try:
        served = in_service(policies, release.policy if release else "")
    except PolicyRefused as error:
        return Refitted(reason=f"{_UNREADABLE} {error}")
    learnt, held_out = _split(capped(await _outcomes(journal, policies, served.base)))
    arms = Counter(each.arm.value for each in (*learnt, *held_out))
    known = Refitted(reason=_TOO_LITTLE, outcomes=arms.total(), held_out=len(held_out), by_arm=dict(arms))
    if not learnt or not held_out:
        return known
    fitted = Calibration(base=served.base, arms=fit(learnt))
    weights = np.array([_importance(each) for each in held_out])
    before, after = (_losses(each, held_out) for each in (served.calibration, fitted))
    lost = after - before
    mean = float(np.average(lost, weights=weights))
    error = float(np.sqrt(np.square(weights * (lost - mean)).sum()) / weights.sum())
    known = replace(
        known,
        loss_before=round(float(np.average(before, weights=weights)), 6),
        loss_after=round(float(np.average(after, weights=weights)), 6),
    )
    data = _file(fitted)
    # Rolled back, it was not wanted: the same numbers do not come again by themselves.
    if any(release.policy.endswith(f"@{digest(data)}") for release in await releases.history()):
        return replace(known, reason=_NOTHING_NEW)
    if mean + error > _CLOSE:
        return replace(known, reason=_WORSE)
    policy = policies.keep(data, name=f"{served.base.split('@')[0]}-{datetime.now(UTC):%Y-%m-%d}")
    await releases.put_policy(policy)
    return replace(known, reason=_BETTER, policy=policy)


def is_held_out(exchange_id: str) -> bool:
    """By the question, whose edits, retries and answers by other routes share their id's beginning."""
    question = ":".join(exchange_id.split(":")[:_KEY_PARTS])
    digest = hashlib.sha256(f"holdout:{question}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56 < _HELD_OUT


async def _outcomes(journal: Journal, policies: Policies, base: str) -> list[Outcome]:
    """Of decisions by this base alone: the odds of another are not what is corrected."""
    found: list[Outcome] = []
    is_of_base: dict[str, bool] = {}
    async with aclosing(journal.judged()) as judged:
        async for exchange, events in judged:
            name = exchange.decision.policy
            if name not in is_of_base:
                is_of_base[name] = _is_of(policies, name, base)
            if is_of_base[name]:
                found += outcomes_of(exchange, events)
    return found


def _is_of(policies: Policies, name: str, base: str) -> bool:
    try:
        return base_of(policies, name) == base
    except PolicyRefused:
        return False


def _split(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    held_out = [each for each in outcomes if is_held_out(each.exchange_id)]
    return [each for each in outcomes if not is_held_out(each.exchange_id)], held_out


def fit(outcomes: Sequence[Outcome]) -> dict[Route, ArmCalibration]:
    """Each arm that somebody judged, by itself."""
    arms = sorted({each.arm for each in outcomes})
    return {arm: _fit_arm([each for each in outcomes if each.arm is arm]) for arm in arms}


def _fit_arm(outcomes: Sequence[Outcome]) -> ArmCalibration:
    """The likeliest numbers given their prior (Platt 1999, with one), which speaks of the odds where the outcomes lie:

    outcomes at one place move the bias, and leave the slope. Of the two peaks that heavy tails allow, near to neutral
    and near to the outcomes, the higher one.
    """  # noqa: D400
    weights = np.array([_importance(each) for each in outcomes])
    centre = float(np.average([logit(each.odds) for each in outcomes], weights=weights))
    rows = np.array([_row(each, centre) for each in outcomes])
    labels = np.array([float(each.good) for each in outcomes])
    fitting = _Fitting(rows=rows, labels=labels, weights=weights, centre=centre)
    near = fitting.peak(np.array(_NEUTRAL))
    far = fitting.peak(fitting.peak(np.array(_NEUTRAL), is_wide=True))
    shift, slope_of_odds, *guess = max(near, far, key=fitting.height).tolist()
    slope = max(0.0, slope_of_odds)
    guess = [round(weight, 6) for weight in guess]
    bias = round(shift + (1 - slope) * centre, 6)
    return ArmCalibration(bias=bias, slope=round(slope, 6), **dict(zip(GUESS_FEATURES, guess, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitting:
    """`rows` (n_outcomes, 4), `labels` and `weights` (n_outcomes,); scores are `rows @ numbers + centre`."""

    rows: _Floats
    labels: _Floats
    weights: _Floats
    centre: float

    def peak(self, start: _Floats, *, is_wide: bool = False) -> _Floats:
        """By Newton's method, the tails as a Gaussian whose width follows the bias; `is_wide`, hardly any prior on it."""
        numbers = start.copy()
        for _ in range(_STEPS):
            precision = 1 / np.square(np.array(_SCALES))
            precision[0] = _WIDE if is_wide else 2 / (_SCALES[0] ** 2 + numbers[0] ** 2)
            chances = 1 / (1 + np.exp(-self._scores(numbers)))
            slope = self.rows.T @ (self.weights * (chances - self.labels)) + precision * (numbers - np.array(_NEUTRAL))
            curvature = (self.rows.T * (self.weights * chances * (1 - chances))) @ self.rows + np.diag(precision)
            step = np.linalg.solve(curvature, slope)
            # Far from the optimum, a whole step may lead past it and away.
            step /= max(1.0, float(np.abs(step).max()))
            numbers -= step
            if float(np.abs(step).max()) < _CLOSE:
                break
        return numbers

    def height(self, numbers: _Floats) -> float:
        """The logarithm of likelihood and prior."""
        scores = self._scores(numbers)
        likelihood = -(self.weights * np.logaddexp(0, np.where(self.labels > 0, -scores, scores))).sum()
        strayed = (numbers - np.array(_NEUTRAL)) / np.array(_SCALES)
        return float(likelihood - np.log1p(strayed[0] ** 2) - np.square(strayed[1:]).sum() / 2)

    def _scores(self, numbers: _Floats) -> _Floats:
        return np.clip(self.rows @ numbers + self.centre, -30, 30)


def _row(outcome: Outcome, centre: float) -> list[float]:
    return [1.0, logit(outcome.odds) - centre, *(outcome.features.get(name, 0.0) for name in GUESS_FEATURES)]


def _importance(outcome: Outcome) -> float:
    return outcome.weight * min(1 / max(outcome.propensity, 1e-9), _MOST_IMPORTANCE)


def _losses(calibration: Calibration, outcomes: Sequence[Outcome]) -> _Floats:
    """(n_outcomes,): the log loss of the chance that it gives to what was said."""
    neutral = ArmCalibration()
    chances = np.array([good(calibration.arms.get(each.arm, neutral), each.odds, each.features) for each in outcomes])
    missed = np.where([each.good for each in outcomes], 1 - chances, chances)
    return -np.log1p(-np.clip(missed, 1e-6, 1 - 1e-6))


def _file(calibration: Calibration) -> bytes:
    return calibration.model_dump_json(indent=1, exclude_defaults=False).encode() + b"\n"
