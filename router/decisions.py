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


FROM_DOCUMENTS = (Route.RETRIEVE, Route.MULTI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The route taken, the probability of each route (they sum to 1), and one sentence why.

    `policy` is its name, `features` the figures that it saw; those that begin with `odds_` are the odds before feedback
    corrected them. `propensity` is the chance with which this route was to be taken: below 1 only where the second-best
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
