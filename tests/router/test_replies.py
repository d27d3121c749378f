"""What Tandem says in its own words."""

from router.replies import ask_back
from tests.router.fakes import passage
from tests.router.test_queries import asked


def test_who_is_asked_back_is_told_the_pages_that_came_near():
    near, far = (
        passage("31 days.", title="Annual leave", similarity=0.41),
        passage("Trains.", title="Travel", similarity=0.1),
    )
    told = ask_back(asked("vacation"), [near, far])
    assert "“vacation”" in told
    assert "Annual leave" in told
    assert "Travel" not in told


def test_nothing_near_is_not_named():
    assert "Closest" not in ask_back(asked("vacation"), [passage("Trains.", title="Travel", similarity=0.1)])
