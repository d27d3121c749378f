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

# How far the numbers stray from “believe the policy”: standard deviations of their priors.
_SPREADS = (0.85, 0.25, 0.25, 0.25)
_NEUTRAL = (0.0, 1.0, 0.0, 0.0)
# An arm that is served once in twenty choices would count twenty times, and its noise with it.
_MOST_IMPORTANCE = 10.0
_HELD_OUT = 0.2
_STEPS = 50
_CLOSE = 1e-9
_KEY_PARTS = 4
_TOO_LITTLE = "There is too little feedback to learn from and to check with."
_UNREADABLE = "The policy in service cannot be read, so nothing was learnt: promote one, or roll back."
_NOTHING_NEW = "Nothing new was learnt since an earlier refit."
_WORSE = "It would foretell the feedback that is held out less well, so the policy in service stays."
_BETTER = "It foretells the feedback that is held out at least as well, and is in service."


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
    """Correct the policy in service by what people said, and promote the result unless it is worse on the holdout.

    The holdout is chosen by the question, once and for ever: no refit ever learns from it. Raises JournalUnavailable.
    """
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
    before, after = _loss(served.calibration, held_out), _loss(fitted, held_out)
    known = replace(known, loss_before=round(before, 6), loss_after=round(after, 6))
    data = _file(fitted)
    # Rolled back, it was not wanted: the same numbers do not come again by themselves.
    if any(release.policy.endswith(f"@{digest(data)}") for release in await releases.history()):
        return replace(known, reason=_NOTHING_NEW)
    if after > before + _CLOSE:
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
    """The likeliest numbers given the prior (Platt 1999, with a Gaussian prior), by Newton's method: it is convex.

    The prior speaks of the odds where the outcomes lie: outcomes at one place move the bias, and leave the slope.
    """
    weights = np.array([_importance(each) for each in outcomes])
    centre = float(np.average([logit(each.odds) for each in outcomes], weights=weights))
    rows = np.array([_row(each, centre) for each in outcomes])
    labels = np.array([float(each.good) for each in outcomes])
    neutral, precision = np.array(_NEUTRAL), 1 / np.square(np.array(_SPREADS))
    numbers: NDArray[np.float64] = neutral.copy()
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(rows @ numbers + centre, -30, 30)))
        slope = rows.T @ (weights * (chances - labels)) + precision * (numbers - neutral)
        curvature = (rows.T * (weights * chances * (1 - chances))) @ rows + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        # Far from the optimum, a whole step may lead past it and away.
        step /= max(1.0, float(np.abs(step).max()))
        numbers = numbers - step
        if float(np.abs(step).max()) < _CLOSE:
            break
    shift, slope_of_odds, *guess = (float(number) for number in numbers)
    slope = max(0.0, slope_of_odds)
    guess = [round(weight, 6) for weight in guess]
    return ArmCalibration(
        bias=round(shift + (1 - slope) * centre, 6),
        slope=round(slope, 6),
        **dict(zip(GUESS_FEATURES, guess, strict=True)),
    )


def _row(outcome: Outcome, centre: float) -> list[float]:
    return [1.0, logit(outcome.odds) - centre, *(outcome.features.get(name, 0.0) for name in GUESS_FEATURES)]


def _importance(outcome: Outcome) -> float:
    return outcome.weight * min(1 / max(outcome.propensity, 1e-9), _MOST_IMPORTANCE)


def _loss(calibration: Calibration, outcomes: Sequence[Outcome]) -> float:
    """Mean log loss of the chances that it gives to what was said."""
    neutral = ArmCalibration()
    total = weight = 0.0
    for each in outcomes:
        chance = good(calibration.arms.get(each.arm, neutral), each.odds, each.features)
        missed = min(max(1 - chance if each.good else chance, 1e-6), 1 - 1e-6)
        total -= _importance(each) * float(np.log1p(-missed))
        weight += _importance(each)
    return total / weight


def _file(calibration: Calibration) -> bytes:
    return calibration.model_dump_json(indent=1, exclude_defaults=False).encode() + b"\n"
