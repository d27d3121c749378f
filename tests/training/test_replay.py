"""What an adapter says to general messages is rehearsed, and the gate asks for other things."""

import pytest

from training.gate.general import general_cases
from training.recipe import Rehearsal
from training.replay import rehearsed_prompts, replay_prompts, short_questions


def test_short_questions_are_distinct_and_no_general_messages():
    questions = short_questions()

    assert len(questions) == len(set(questions)) > 60
    assert not {*questions} & {*replay_prompts()}
    assert all(question.endswith("?") for question in questions)


def test_the_gate_asks_nothing_that_was_rehearsed_as_a_short_question():
    asked = {case.prompt[-1]["content"] for case in general_cases(from_pages=0)}

    assert asked
    assert not asked & {*short_questions()}


@pytest.mark.parametrize(("general", "short"), [(0, 0), (3, 0), (0, 5), (3, 5)])
def test_a_night_rehearses_as_many_messages_of_each_kind_as_its_recipe_says(general: int, short: int):
    prompts = rehearsed_prompts(Rehearsal(general=general, short=short))

    assert len([each for each in prompts if each in replay_prompts()]) == general
    assert len([each for each in prompts if each in short_questions()]) == short
