"""How a message is answered, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Route(StrEnum):
    """`multi` searches, reads and searches again, where `retrieve` searches once."""

    DIRECT = "direct"
    RETRIEVE = "retrieve"
    MULTI = "multi"
    CLARIFY = "clarify"
    ABSTAIN = "abstain"
    SMALLTALK = "smalltalk"


BECAUSE = "because_"
FROM_DOCUMENTS = (Route.RETRIEVE, Route.MULTI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The route taken, the probability of each route (they sum to 1), and one sentence why.

    `policy` is its name, `features` the figures that it saw; those that begin with `odds_` are the odds before feedback
    corrected them, those with `because_` the contributions. `propensity` is the chance with which this route was to be taken: below 1 only where the second-best
    is `explored` now and then. `forced`: a person or a command asked for the route.
    """

    route: Route
    probabilities: Mapping[Route, float]
    reason: str
    policy: str = ""
    features: Mapping[str, float] = field(default_factory=dict[str, float])
    propensity: float = 1.0
    explored: bool = False
    forced: bool = False

    @property
    def contributions(self) -> dict[str, float]:
        """What spoke for the route and, below 0, against it: log-odds over the next best one, the weightiest first.

        Empty where nothing was weighed: a rule decided, or a person.
        """
        told = {name.removeprefix(BECAUSE): by for name, by in self.features.items() if name.startswith(BECAUSE)}
        return dict(sorted(told.items(), key=lambda item: -abs(item[1])))


def as_one(chances: Mapping[Route, float]) -> dict[Route, float]:
    """The two arms of documents counted as one, under `retrieve`."""
    documents = sum(chances.get(route, 0.0) for route in FROM_DOCUMENTS)
    return {Route.RETRIEVE: documents} | {
        route: chance for route, chance in chances.items() if route not in FROM_DOCUMENTS
    }


def likelier_of_documents(chances: Mapping[Route, float]) -> Route:
    """One search, or several."""
    return max(FROM_DOCUMENTS, key=lambda route: chances.get(route, 0.0))


def next_best(route: Route, chances: Mapping[Route, float]) -> Route:
    """The likeliest of the other ways, documents counted as one."""
    ways = as_one(chances)
    own = Route.RETRIEVE if route in FROM_DOCUMENTS else route
    return max((each for each in ways if each is not own), key=lambda each: ways[each])


def with_contributions(features: Mapping[str, float], contributions: Mapping[str, float]) -> dict[str, float]:
    """In place of those that are among the features."""
    return without_contributions(features) | {f"{BECAUSE}{name}": by for name, by in contributions.items()}


def without_contributions(features: Mapping[str, float]) -> dict[str, float]:
    """For a route that was taken for another reason than what weighed most."""
    return {name: value for name, value in features.items() if not name.startswith(BECAUSE)}
