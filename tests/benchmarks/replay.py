"""Data replayed as bandit feedback: what clicks on the arm that was served teach, against knowing how every arm did.

A policy that was fitted on other sets than it now meets serves 1,000 messages, one arm each. A fifth of the answers is
voted on, a tenth of the votes is the wrong way round. What is learnt from them is learnt by the product's own code:
exploration in the doubtful band, outcomes, the cap a person, the refit and its frozen holdout.
"""

import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np

from router.calibration import Calibration
from router.datasets.examples import Arm
from router.decisions import Decision, Route
from router.exchanges import Exchange
from router.exploration import choose
from router.feedback import Feedback
from router.in_service import in_service
from router.journal import Journal
from router.outcomes import Outcome
from router.policies import Policies
from router.refit import fit, refit
from router.releases import Release, Releases

ROUTES: dict[Arm, Route] = {Arm.NONE: Route.DIRECT, Arm.SINGLE: Route.RETRIEVE, Arm.MULTI: Route.MULTI}
MESSAGES, PEOPLE, NIGHTS = 1000, 25, 5
VOTED, FLIPPED = 0.2, 0.1
BAND, SHARE = 0.1, 0.1
_BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The policy before feedback: `odds` and `right` are (n_questions, 3), `price` is what a step is worth."""

    odds: Any
    right: Any
    steps: Any
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Rewards (right answers less the price of their steps) of the questions that were never served, one a question."""

    start: Any
    bandit: Any
    full: Any
    votes: int
    explored: int
    promoted: int


class Votes:
    """The journal of the replay: only what a refit reads of it."""

    def __init__(self, judged: Sequence[tuple[Exchange, list[Feedback]]]) -> None:
        self._judged = judged

    async def judged(self) -> AsyncIterator[tuple[Exchange, list[Feedback]]]:
        for exchange, events in self._judged:
            yield exchange, events


class Promoted:
    """The releases of the replay, which begins with the policy as it was fitted."""

    def __init__(self) -> None:
        self._releases: list[Release] = []

    async def in_service(self) -> Release | None:
        return self._releases[-1] if self._releases else None

    async def history(self) -> list[Release]:
        return self._releases

    async def put_policy(self, policy: str) -> None:
        self._releases.append(Release(adapter="", path="", base="", promoted_at=_BEGAN, policy=policy))


async def replay(start: Start, *, seed: int, messages: int = MESSAGES, nights: int = NIGHTS) -> Replayed:
    """The first `messages` questions, in an order drawn by `seed`, are served; the others measure.

    Spread over them come the nights, the last one after all of them, whose refit decides how the next ones are served.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(start.right))
    served, unseen = order[:messages], order[messages:]
    judged: list[tuple[Exchange, list[Feedback]]] = []
    explored, releases, learnt = 0, Promoted(), Calibration()
    with tempfile.TemporaryDirectory() as folder:
        policies = Policies(Path(folder))
        for number, row in enumerate(served.tolist()):
            if number and number % (messages // nights) == 0:
                learnt = await _refitted(judged, releases, policies)
            decision = _serve(start, row, learnt, seed=f"{seed} {number}")
            explored += decision.explored
            if random.random() < VOTED:
                arm = list(ROUTES.values()).index(decision.route)
                is_liked = bool(start.right[row, arm]) != (random.random() < FLIPPED)
                judged.append(_vote(decision, number, person=int(random.integers(PEOPLE)), is_liked=is_liked))
        learnt = await _refitted(judged, releases, policies)
    known = Calibration(arms=fit(_everything(start, served.tolist())))
    return Replayed(
        start=reward(start, unseen, Calibration()),
        bandit=reward(start, unseen, learnt),
        full=reward(start, unseen, known),
        votes=len(judged),
        explored=explored,
        promoted=len(await releases.history()),
    )


async def _refitted(
    judged: Sequence[tuple[Exchange, list[Feedback]]], releases: Promoted, policies: Policies
) -> Calibration:
    journal, served = cast("Journal", Votes(judged)), cast("Releases", releases)
    await refit(journal=journal, releases=served, policies=policies)
    release = await releases.in_service()
    return in_service(policies, release.policy if release else "").calibration


def _serve(start: Start, row: int, learnt: Calibration, *, seed: str) -> Decision:
    odds = _odds(start, row)
    chances = learnt.chances(odds, {})
    worth = {route: chances[route] - start.price * start.steps[n] for n, route in enumerate(ROUTES.values())}
    choice = choose(max(worth, key=lambda route: worth[route]), worth, band=BAND, share=SHARE, seed=seed)
    return Decision(
        route=choice.route,
        probabilities=chances,
        reason="replayed",
        features={f"odds_{route}": chance for route, chance in odds.items()},
        propensity=choice.propensity,
        explored=choice.explored,
    )


def _odds(start: Start, row: int) -> dict[Route, float]:
    return dict(zip(ROUTES.values(), map(float, start.odds[row]), strict=True))


def _vote(decision: Decision, number: int, *, person: int, is_liked: bool) -> tuple[Exchange, list[Feedback]]:
    exchange_id, at = f"slack:T1:C1:{number}.1", _BEGAN + timedelta(minutes=number)
    exchange = Exchange(
        exchange_id=exchange_id, asked_at=at, team="T1", channel="C1", asker=f"U{person}", scopes=frozenset(),
        question="", thread=(), prompt=(), passages=(), decision=decision, answer="", completion="", sources=(),
    )  # fmt: skip
    vote = Feedback(
        feedback_id=f"vote {number}", exchange_id=exchange_id, person=f"U{person}",
        kind="vote_up" if is_liked else "vote_down", at=at,
    )  # fmt: skip
    return exchange, [vote]


def _everything(start: Start, rows: Sequence[int]) -> list[Outcome]:
    """How each arm did on each of the questions, unflipped: what no bandit is told."""
    return [
        Outcome(
            exchange_id=str(row), person="", arm=route, good=bool(start.right[row, n]), weight=1.0, propensity=1.0,
            odds=float(start.odds[row, n]), features={},
        )
        for row in rows
        for n, route in enumerate(ROUTES.values())
    ]  # fmt: skip


def reward(start: Start, rows: Any, calibration: Calibration) -> Any:
    """(n_rows,): 1 for a right answer, less the price of its steps, by the arm that is worth most when corrected."""
    chances = np.array([list(calibration.chances(_odds(start, row), {}).values()) for row in rows.tolist()])
    chosen = (chances - start.price * start.steps).argmax(axis=1)
    return start.right[rows, chosen] - start.price * start.steps[chosen]
