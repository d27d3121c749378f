"""How much one person may ask."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 60.0
_PEOPLE_KEPT = 10_000


class Quota:
    """At most `per_minute` questions a person within any minute. In memory: a restart forgives."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._asked: dict[str, deque[float]] = {}

    def take(self, person: str) -> bool:
        """Count one question; False when it is one too many."""
        now = self._clock()
        if len(self._asked) > _PEOPLE_KEPT:
            self._asked = {who: times for who, times in self._asked.items() if times and times[-1] > now - _WINDOW_S}
        times = self._asked.setdefault(person, deque())
        while times and times[0] <= now - _WINDOW_S:
            times.popleft()
        if len(times) >= self._per_minute:
            return False
        times.append(now)
        return True
