"""How true the router's odds are on messages whose route is known, and how many of them are doubtful.

Where two routes are right, their chances are added. The temperature is fitted on every second message, and the figures
are of the rest.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bot.assembly import Parts
from router.chooser import Chooser
from router.decisions import Decision, Route, as_one
from router.guessing import Guesser
from router.in_service import InService
from router.learned.measures import calibration, calibration_error, interval
from router.policies import Policies
from router.policy import TEMPERATURE, Policy
from router.settings import RouterSettings
from tests.benchmarks.measuring import spread
from tests.benchmarks.odds_messages import Message, messages_of
from tests.benchmarks.swap import served

DRAFTED = 40
KINDS = [route for route in Route if route is not Route.MULTI]
_TEMPERATURES = np.geomspace(0.3, 6.0, 120)


async def measure(folder: Path, *, small: bool) -> dict[str, Any]:
    chooser = Chooser(policy=Policy(), policies=Policies(folder / "policies"), settings=RouterSettings())
    seconds: list[float] = []
    messages: list[Message] = []
    decisions: list[Decision] = []
    async for message in messages_of(folder, most=20 if small else 200):
        messages.append(message)
        decisions.append(_decided(chooser, message, seconds))
    learnt, unseen = slice(0, None, 2), slice(1, None, 2)
    scores = np.array([_log_chances(decision) for decision in decisions]) * TEMPERATURE
    right = np.array([[route in message.right for route in KINDS] for message in messages])
    fitted = fit_temperature(scores[learnt], right[learnt])
    doubtful = [message for message, decision in zip(messages, decisions, strict=True) if chooser.is_doubtful(decision)]
    async with served(folder, Path(".venv-model")) as parts:
        drafts = await _drafts(parts, doubtful[:: max(1, len(doubtful) // DRAFTED)][:DRAFTED])
    return {
        "messages": len(messages),
        "kinds": _by_kind(messages, decisions),
        "temperature": {"in_use": TEMPERATURE, "fitted_on_half": round(fitted, 3)},
        "of_the_other_half": {
            name: truth(scores[unseen] / temperature, right[unseen])
            for name, temperature in {"without": 1.0, "in_use": TEMPERATURE, "fitted": fitted}.items()
        },
        "decision": spread(seconds),
        "doubtful": round(len(doubtful) / len(messages), 4),
        "draft": drafts,
    }


def fit_temperature(scores: Any, right: Any) -> float:
    """The one under which what is right was likeliest; `(n_messages, n_routes)` each."""
    losses = [-np.log(_of_right(scores / temperature, right)).mean() for temperature in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def truth(scores: Any, right: Any) -> dict[str, Any]:
    """How often the likeliest route is right, and how far its odds are from that (ECE, ten bins)."""
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    told, hit = chances.max(axis=1), right[np.arange(len(right)), chances.argmax(axis=1)].astype(float)

    def error(rows: Any) -> float:
        return calibration_error(calibration(hit[rows], told[rows]))

    low, high = interval(error, len(told), draws=200)
    return {
        "right": round(float(hit.mean()), 4),
        "mean_odds": round(float(told.mean()), 4),
        "ece": {"mean": round(error(np.arange(len(told))), 4), "low": round(low, 4), "high": round(high, 4)},
        "log_loss": round(float(-np.log(_of_right(scores, right)).mean()), 4),
    }


def _of_right(scores: Any, right: Any) -> Any:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.maximum((powers * right).sum(axis=1) / powers.sum(axis=1), 1e-12)


def _log_chances(decision: Decision) -> list[float]:
    """Documents stand as one, as they do where the temperature is applied."""
    chances = as_one(decision.probabilities)
    return [float(np.log(max(chances.get(route, 0.0), 1e-12))) for route in KINDS]


def _decided(chooser: Chooser, message: Message, seconds: list[float]) -> Decision:
    """As in service, but for the search and the draft; `seconds` is told how long it took."""
    began = time.perf_counter()
    is_certain = chooser.is_certain(message.question)
    decision = chooser.decide(message.question, message.found, InService(), is_certain=is_certain)
    seconds.append(time.perf_counter() - began)
    return decision


def _by_kind(messages: Sequence[Message], decisions: Sequence[Decision]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for kind in dict.fromkeys(message.kind for message in messages):
        of_kind = [
            (message, decision) for message, decision in zip(messages, decisions, strict=True) if message.kind == kind
        ]
        kinds[kind] = {
            "messages": len(of_kind),
            "right": round(float(np.mean([decision.route in message.right for message, decision in of_kind])), 3),
        }
    return kinds


async def _drafts(parts: Parts, messages: Sequence[Message]) -> dict[str, Any]:
    """One at a time, as in a doubtful decision, within the time that a guess is given."""
    guesser = Guesser(model=parts.model, settings=parts.configuration.router)
    seconds: list[float] = []
    in_time = 0
    for message in messages:
        began = time.perf_counter()
        guess = await guesser.guess(message.question, model=parts.configuration.router.model_name)
        seconds.append(time.perf_counter() - began)
        in_time += guess is not None
    return {"drafts": len(seconds), "in_time": in_time, "latency": spread(seconds) if seconds else None}
