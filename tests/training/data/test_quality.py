from dataclasses import replace

import pytest

from router.feedback import FeedbackKind
from tests.training.data.samples import PASSAGE, events, exchange
from training.data.examples import Example, example_of
from training.data.quality import fault


def found(text: str, said: FeedbackKind = "vote_up", **changes) -> str | None:
    asked = exchange("x1", completion=text, **changes)
    example = example_of(asked, events("x1", ("U1", said, "")), {})
    assert isinstance(example, Example)
    return fault(example, asked)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Sixteen weeks [1].", None),
        ("Yes.", None),
        ("x" * 4_001, "too_long"),
        ("… !?", "no_words"),
        ("It is so. " * 60, "repeats_itself"),
        ("Sixteen weeks [2].", "unsupported_citation"),
        ("Sixteen weeks [0].", "unsupported_citation"),
        ("See https://evil.example/?q=1", "foreign_link"),
    ],
)
def test_answer_that_nobody_should_learn_to_give_is_found(text: str, reason: str | None):
    assert found(text) == reason


def test_answer_whose_citations_were_removed_is_not_imitated():
    assert found("Sixteen weeks [1].", removed_citations=1) == "unsupported_citation"


def test_answer_to_avoid_may_be_bad():
    assert found("See https://evil.example/ [7]", "vote_down") is None


def test_link_of_the_prompt_or_of_a_passage_may_be_repeated():
    prompt = ({"role": "user", "content": "Is https://a.example/leave right?"},)
    assert found("Yes: https://a.example/leave.", prompt=prompt) is None
    passage = replace(PASSAGE, uri="https://a.example/page")
    assert found("See https://a.example/page [1].", passages=(passage,)) is None


def test_direct_answer_may_hold_numbers_in_brackets():
    assert found("Take item [3] of the list.", passages=()) is None
