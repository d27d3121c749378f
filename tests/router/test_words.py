import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.words import content_words, numbers, stem


@pytest.mark.parametrize(
    ("one", "other"),
    [("approves", "approved"), ("Weeks", "week"), ("policies", "policy"), ("1,000", "1000"), ("sixteen", "16")],
)
def test_forms_of_a_word_are_one(one: str, other: str):
    assert stem(one) == stem(other)


def test_words_without_content_are_left_out():
    assert content_words("How much of the leave do we get?") == ["leav"]


def test_numbers_are_read_in_digits_and_words():
    assert numbers("Sixteen weeks, 1,000.50 dollars and one day in 2024.") == {"16", "1000.50", "2024"}


def test_scripts_without_spaces_give_words():
    assert content_words("休暇") == ["休", "暇"]


@given(st.text(max_size=100))
def test_any_text_can_be_read(text: str):
    assert all(content_words(text))


@pytest.mark.parametrize(
    ("spelled", "digits"),
    [
        ("twenty-five", "25"),
        ("seventy", "70"),
        ("eighty-one", "81"),
        ("one hundred and fifty", "150"),
        ("two hundred", "200"),
        ("a thousand", "1,000"),
        ("fifteen hundred", "1500"),
        ("two thousand five hundred", "2,500"),
        ("1.5 million", "1,500,000"),
        ("10 thousand", "10000"),
        ("$5.00", "5"),
        ("09", "9"),
    ],
)
def test_number_is_the_same_in_each_form(spelled: str, digits: str):
    assert numbers(f"It is {spelled} days") == numbers(f"It is {digits} days") == {digits.replace(",", "")}


def test_numbers_side_by_side_stay_apart():
    assert numbers("five or ten, twenty and five, nineteen ninety") == {"5", "10", "20", "19", "90"}
    assert numbers("version 3.10") == {"3.10"}
