"""A circuit breaker: after several failures in a row a server is left alone, then tried by one request."""

import time
from collections.abc import Callable


class Breaker:
    """Closed until `failures` in a row; then open for `pause_s`; then half open: one caller may probe.

    A caller asks `allow()`, then reports `succeeded()` or `failed()`, and always `left()` at its end, so that a
    cancelled probe lets the next caller probe.
    """

    def __init__(self, *, failures: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._pause_s = pause_s
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    def allow(self) -> bool:
        if self._opened_at is None:
            return True
        if self._probing or self._clock() - self._opened_at < self._pause_s:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._opened_at = None

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._limit:
            self._opened_at = self._clock()

    def left(self) -> None:
        self._probing = False
