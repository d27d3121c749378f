from bot.quotas import Quota


class _Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_one_question_too_many_in_a_minute_is_refused() -> None:
    quota = Quota(3, clock=_Clock())
    assert [quota.take("U1") for _ in range(4)] == [True, True, True, False]


def test_a_person_may_ask_again_after_a_minute() -> None:
    clock = _Clock()
    quota = Quota(1, clock=clock)
    assert quota.take("U1")
    clock.now += 59.9
    assert not quota.take("U1")
    clock.now += 0.1
    assert quota.take("U1")


def test_one_person_does_not_use_up_anothers_questions() -> None:
    quota = Quota(1, clock=_Clock())
    assert quota.take("U1")
    assert quota.take("U2")


def test_refused_questions_do_not_lengthen_the_wait() -> None:
    clock = _Clock()
    quota = Quota(1, clock=clock)
    quota.take("U1")
    for _ in range(10):
        clock.now += 5
        quota.take("U1")
    clock.now += 10
    assert quota.take("U1")
