import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.questions import Turn
from tests.training.data.samples import exchange
from training.data.signatures import NEARLY_ALL, VALUES, Questions, asked, plain, sign


def differing(signature: bytes, places: list[int]) -> bytes:
    """The signature with other values at these places."""
    values = np.frombuffer(signature, np.uint32).copy()
    values[places] ^= 1
    return values.tobytes()


def numbered(*texts: str) -> tuple[Questions, list[int]]:
    questions = Questions()
    signatures = sign(map(plain, texts))
    questions.add(signatures)
    return questions, [questions.number(each) for each in signatures]


@pytest.mark.parametrize(
    ("one", "other", "are_near"),
    [
        ("How long is parental leave in the Berlin office?", "how long is Parental Leave – in the Berlin office", True),
        ("How long is parental leave in the Berlin office?", "How long is parental leave in the Berlin offices?", True),
        ("How long is parental leave?", "When does the canteen open?", False),
        ("How long is parental leave for employees?", "How long is sick leave for contractors?", False),
        ("休暇は何日ありますか", "休暇は何日ありますか?", True),
        ("Why?", "How?", False),
        ("", "?", True),
    ],
)
def test_near_duplicates_are_told_from_other_questions(one: str, other: str, are_near: bool):
    questions, (first, second) = numbered(one, other)
    assert (second in questions.near(first)) is are_near
    assert (first in questions.near(second)) is are_near


def test_signature_is_the_same_on_every_machine_and_in_every_run():
    (signature,) = sign(["how long is parental leave"])
    assert len(signature) == 4 * VALUES
    assert np.frombuffer(signature, "<u4")[:3].tolist() == [21628436, 108142949, 460364875]


@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.integers(0, VALUES - 1), unique=True, max_size=40), seed=st.integers(0, 5))
def test_every_pair_with_enough_equal_values_is_found_wherever_they_differ(places: list[int], seed: int):
    (base,) = sign([f"question number {seed} about something"])
    other = differing(base, places)
    questions = Questions()
    questions.add([base])
    questions.add([other])
    expected = VALUES - len(places) >= NEARLY_ALL
    assert (questions.number(other) in questions.near(questions.number(base))) is expected


def test_pair_that_differs_in_as_many_bands_as_it_may_is_found():
    (base,) = sign(["how long is parental leave"])
    one_a_band = differing(base, [4 * band for band in range(VALUES - NEARLY_ALL)])
    questions = Questions()
    questions.add([base, one_a_band])
    assert questions.near(0) == {0, 1}


def test_it_makes_no_difference_in_which_batches_questions_come():
    draw = random.Random(1)
    words = [f"word{n}" for n in range(40)]
    texts = [" ".join(draw.choices(words, k=8)) for _ in range(60)]
    texts += [f"{text} really" for text in texts[:30]]
    signatures = sign(texts)
    whole, parts = Questions(), Questions()
    whole.add(signatures)
    for at in range(0, len(signatures), 7):
        parts.add(signatures[at : at + 7])
    for each in signatures:
        assert whole.near(whole.number(each)) == parts.near(parts.number(each))
    assert any(len(whole.near(number)) > 1 for number in range(len(texts)))


def test_closest_tells_how_near_two_groups_come():
    (base,) = sign(["how long is parental leave"])
    questions = Questions()
    questions.add([base, differing(base, list(range(40))), differing(base, [0])])
    assert questions.closest([0], [1]).similarity == round(88 / 128, 4)
    assert questions.closest([0], [1]).near_duplicates == 0
    assert questions.closest([0], [1, 2]).near_duplicates == 1
    assert questions.closest([0, 1], [1]).similarity == 1.0
    assert questions.closest([0], []).similarity == 0.0


def test_follow_up_is_compared_with_what_it_follows():
    follow_up = "And for contractors?"
    leave = exchange("x1", question=follow_up, thread=(Turn(speaker="user", text="How long is parental leave?"),))
    lunch = exchange("x2", question=follow_up, thread=(Turn(speaker="user", text="When is lunch in the canteen?"),))
    questions, (first, second) = numbered(asked(leave), asked(lunch))
    assert second not in questions.near(first)
