"""Notices a model that repeats itself without end, as small ones do under greedy decoding."""

_LONGEST_PERIOD = 160
_SHORTEST_RUN = 120
_ROUNDS = 3
_PROBE = 24


class RepetitionGuard:
    """Fed with the text as it comes; says when its end has become periodic.

    A run counts when the same piece of at most 160 characters stands there four times and over more than 120
    characters: the dashes of a table or a list of similar lines stay below that.
    """

    def __init__(self) -> None:
        self._tail = ""

    def is_looping(self, text: str) -> bool:
        self._tail = (self._tail + text)[-(_LONGEST_PERIOD * (_ROUNDS + 1)) :]
        # A run of period p holds its own last characters p before: the nearest earlier copy gives the period.
        probe = self._tail[-_PROBE:]
        before = self._tail.rfind(probe, 0, len(self._tail) - 1)
        return before >= 0 and self._repeats(len(self._tail) - len(probe) - before)

    def _repeats(self, period: int) -> bool:
        run = max(_ROUNDS * period, _SHORTEST_RUN)
        if not period or len(self._tail) < run + period:
            return False
        return self._tail[-run:] == self._tail[-run - period : -period]
