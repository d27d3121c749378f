"""How a message is answered, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Route(StrEnum):
    DIRECT = "direct"
    RETRIEVE = "retrieve"
    CLARIFY = "clarify"
    ABSTAIN = "abstain"
    SMALLTALK = "smalltalk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The route taken, the probability of each route (they sum to 1), and one sentence why."""

    route: Route
    probabilities: Mapping[Route, float]
    reason: str
