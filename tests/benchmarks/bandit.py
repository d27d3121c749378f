"""The replay's figures: what votes on served answers come to, of what knowing every arm's outcome comes to."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from router.datasets.examples import Arm, Example
from router.learned.arms import STEPS
from router.learned.encoding import Reading
from router.learned.fitting_arms import Aims, fit_arms
from router.learned.linear import logistic
from router.learned.measures import interval
from tests.benchmarks.replay import MESSAGES, Start, replay

_TOO_SURE = 2.0  # in log-odds
# Rewards of the seeds, drawn again.
Draw = Callable[[Sequence[Any]], Sequence[Any]]


def bandit(examples: Sequence[Example], readings: Sequence[Reading], seeds: Iterable[int]) -> dict[str, Any]:
    """For each seed, a policy is fitted on half of the sets, drawn anew, and meets the questions of the others.

    Of those, two thirds are served and one third measures. Intervals are over seeds and their questions, paired.
    Once the policy begins as it was fitted, and once far too sure that memory is right.
    """
    starts = [_start(examples, readings, seed) for seed in seeds]
    return {
        "as_fitted": _figures(starts),
        "too_sure_of_memory": _figures([replace(start, odds=_surer(start.odds)) for start in starts]),
    }


def _figures(starts: Sequence[Start]) -> dict[str, Any]:
    runs = [
        asyncio.run(replay(start, seed=seed, messages=min(MESSAGES, len(start.right) * 2 // 3)))
        for seed, start in enumerate(starts)
    ]
    kinds = {name: [getattr(run, name) for run in runs] for name in ("start", "bandit", "full")}
    return {
        "reward": {name: round(_mean(of_runs), 4) for name, of_runs in kinds.items()},
        "of_full_information": _ratio(kinds["bandit"], kinds["full"]),
        "start_of_full_information": _ratio(kinds["start"], kinds["full"]),
        "more_than_start": _difference(kinds["bandit"], kinds["start"]),
        "less_than_full_information": _difference(kinds["full"], kinds["bandit"]),
        "by_seed": [round(float(run.bandit.mean() / run.full.mean()), 4) for run in runs],
        "votes": [run.votes for run in runs],
        "explored": [run.explored for run in runs],
        "promoted": [run.promoted for run in runs],
    }


def _start(examples: Sequence[Example], readings: Sequence[Reading], seed: int) -> Start:
    sets = sorted({example.dataset for example in examples})
    known = set(np.random.default_rng(seed).permutation(sets)[: len(sets) // 2].tolist())
    fitted_on = [n for n, example in enumerate(examples) if example.dataset in known]
    met = [n for n, example in enumerate(examples) if example.dataset not in known]
    policy = fit_arms([examples[n] for n in fitted_on], [readings[n] for n in fitted_on], Aims())
    return Start(
        odds=np.array([policy.weigh(readings[n]) for n in met]),
        right=np.array([[examples[n].right[arm] for arm in Arm] for n in met]),
        steps=np.array([STEPS[arm] for arm in Arm]),
        price=policy.price,
    )


def _surer(odds: Any) -> Any:
    """As if a team's model knew far less than the one that the policy was fitted with."""
    changed = odds.copy()
    changed[:, list(Arm).index(Arm.NONE)] = logistic(np.log(odds[:, 0] / (1 - odds[:, 0])) + _TOO_SURE)
    return changed


def _mean(of_runs: Sequence[Any]) -> float:
    return float(np.mean([rewards.mean() for rewards in of_runs]))


def _ratio(of_runs: Sequence[Any], full: Sequence[Any]) -> dict[str, float]:
    """The mean reward by the mean reward with full information."""
    return _told(lambda draw: _mean(draw(of_runs)) / _mean(draw(full)), len(full))


def _difference(of_runs: Sequence[Any], others: Sequence[Any]) -> dict[str, float]:
    return _told(lambda draw: _mean(draw(of_runs)) - _mean(draw(others)), len(others))


def _told(measure: Callable[[Draw], float], count: int) -> dict[str, float]:
    """Seeds, and within them questions, are drawn again: the same ones of all that is compared."""
    random = np.random.default_rng(0)

    def drawn(runs: Any) -> float:
        seed = int(random.integers(2**32))
        return measure(lambda rewards: _questions([rewards[run] for run in runs.tolist()], seed))

    low, high = interval(drawn, count)
    return {"mean": round(measure(lambda rewards: rewards), 4), "low": round(low, 4), "high": round(high, 4)}


def _questions(of_runs: Sequence[Any], seed: int) -> Sequence[Any]:
    random = np.random.default_rng(seed)
    return [rewards[random.integers(len(rewards), size=len(rewards))] for rewards in of_runs]
