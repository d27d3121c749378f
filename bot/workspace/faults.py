"""Faults on demand: what a network or a server may do to a call, at the next call of a method."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

Kind = Literal["429", "500", "error", "hang", "drop", "lose", "duplicate"]
KINDS: tuple[Kind, ...] = ("429", "500", "error", "hang", "drop", "lose", "duplicate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """429, 500, error (ok false), hang: nothing is done. drop: the connection breaks before anything is done.

    lose: the call is done and the connection breaks before the answer. duplicate (for "events"): sent twice.
    """

    kind: Kind
    error: str = "internal_error"
    seconds: float = 1.0  # Retry-After, or how long to hang


class Faults:
    def __init__(self) -> None:
        self._planned: dict[str, deque[Fault]] = {}

    def plan(self, name: str, fault: Fault, *, times: int) -> None:
        self._planned.setdefault(name, deque()).extend([fault] * times)

    def take(self, name: str) -> Fault | None:
        planned = self._planned.get(name)
        return planned.popleft() if planned else None

    def clear(self) -> None:
        self._planned.clear()
