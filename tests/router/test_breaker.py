from router.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(failures=2, pause_s=10, clock=clock)
    for _ in range(2):
        assert breaker.allow()
        breaker.failed()
        breaker.left()
    return breaker


def test_opens_after_failures_in_a_row():
    assert not opened(Clock()).allow()


def test_success_between_failures_starts_the_count_again():
    breaker = Breaker(failures=2, pause_s=10)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.allow()


def test_one_probe_at_a_time_after_the_pause():
    clock = Clock()
    breaker = opened(clock)
    clock.now = 11
    assert breaker.allow()
    assert not breaker.allow()
    breaker.succeeded()
    breaker.left()
    assert breaker.allow()
    assert breaker.allow()


def test_failed_probe_opens_again():
    clock = Clock()
    breaker = opened(clock)
    clock.now = 11
    assert breaker.allow()
    breaker.failed()
    breaker.left()
    assert not breaker.allow()
    clock.now = 22
    assert breaker.allow()


def test_cancelled_probe_lets_the_next_one_try():
    clock = Clock()
    breaker = opened(clock)
    clock.now = 11
    assert breaker.allow()
    breaker.left()
    assert breaker.allow()
