"""What `make loop` counts as right, and as brought back: the line that it prints is only worth what it counts."""

from dataclasses import replace

import pytest

from tests.benchmarks.loop import Course, Line, line_of
from tests.benchmarks.loop_team import Heard

_KNOW_HOW = [{"asked": "Which colour?", "answer": "Orange.", "gold": ["orange"], "reworded": ["The colour?"] * 2}]
_NIGHT = {
    "gate": {"champion": "grounding@1", "checks": [{"name": "general", "difference": [-0.004, -0.02, 0.01, 80]}]},
    "promote": {"in_service": "team@2", "is_promoted": True},
}


def _heard(answer: str, *, route: str = "direct", adapter: str = "team@2") -> Heard:
    return Heard(question="?", answer=answer, route=route, adapter=adapter, taught=0.9, message={}, channel="C1")


@pytest.fixture
def course() -> Course:
    before = _heard("Blue.", route="retrieve", adapter="grounding@1")
    return Course(
        know_how=_KNOW_HOW, before=[before], reworded=[_heard("It is orange."), _heard("Orange!")], back=[before],
        night=_NIGHT, in_service_again="grounding@1", seconds=600,
    )  # fmt: skip


def test_night_that_taught_and_was_taken_back_is_enough(course: Course):
    line = line_of(course)
    assert line == Line(reworded_right=1.0, general_delta=-0.4, rolled_back=True, minutes=10.0)
    assert line.is_enough


@pytest.mark.parametrize(
    "heard",
    [
        _heard("It is blue."),
        _heard("It is orange.", route="retrieve"),
        _heard("It is orange.", adapter="grounding@1"),
    ],
    ids=["wrong", "from documents", "by another adapter"],
)
def test_right_is_what_the_promoted_adapter_says_from_memory(course: Course, heard: Heard):
    assert line_of(replace(course, reworded=[_heard("Orange."), heard])).reworded_right == 0.5


def test_rolled_back_is_what_gives_the_old_answers_by_the_old_adapter(course: Course):
    assert not line_of(replace(course, back=[_heard("Orange.")])).rolled_back
    assert not line_of(replace(course, in_service_again="team@2")).rolled_back


def test_night_without_a_promotion_teaches_nothing(course: Course):
    night = {**_NIGHT, "promote": {"in_service": "grounding@1", "is_promoted": False}}
    line = line_of(replace(course, night=night))
    assert (line.reworded_right, line.rolled_back) == (0.0, False)


@pytest.mark.parametrize(
    "missed",
    [
        {"reworded_right": 0.79},
        {"general_delta": -1.1},
        {"general_delta": None},
        {"rolled_back": False},
        {"minutes": 25.0},
    ],
)
def test_each_bar_counts(course: Course, missed: dict[str, float | bool | None]):
    assert not replace(line_of(course), **missed).is_enough
