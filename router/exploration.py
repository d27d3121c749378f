"""Now and then the second-best route, where the choice is close: what is never tried is never learnt about."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from router.decisions import Route

# Never asking back or declining by way of a trial: a person who gets no answer has nothing to judge.
EXPLORED = (Route.DIRECT, Route.RETRIEVE, Route.MULTI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`propensity` is the chance with which this route was to be taken."""

    route: Route
    propensity: float = 1.0
    explored: bool = False


def is_doubtful(chances: Mapping[Route, float], *, band: float) -> bool:
    """Whether memory and the best other way to answer, or declining, lie less than `band` apart, and one of them is best."""
    best = max(chances, key=lambda route: chances[route])
    others = {chances.get(route, 0.0) for route in (*EXPLORED, Route.ABSTAIN) if route is not Route.DIRECT}
    is_answered = best in {*EXPLORED, Route.ABSTAIN}
    return is_answered and abs(max(others) - chances.get(Route.DIRECT, 0.0)) < band


def choose(best: Route, chances: Mapping[Route, float], *, band: float, share: float, seed: str) -> Choice:
    """The best route, or with the chance `share` the second-best; the same for the same seed, so after a crash too."""
    second = _second(best, chances, band=band)
    if second is None or share == 0:
        return Choice(route=best)
    if _draw(seed) < share:
        return Choice(route=second, propensity=share, explored=True)
    return Choice(route=best, propensity=1 - share)


def _second(best: Route, chances: Mapping[Route, float], *, band: float) -> Route | None:
    rivals = [route for route in EXPLORED if route is not best and route in chances]
    if best not in EXPLORED or not rivals:
        return None
    second = max(rivals, key=lambda route: chances[route])
    return second if abs(chances[best] - chances[second]) < band else None


def _draw(seed: str) -> float:
    """Evenly spread over [0, 1)."""
    return int.from_bytes(hashlib.sha256(f"explore:{seed}".encode()).digest()[:7]) / 2**56
