import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.excerpts import excerpt, lines_and_sentences, without_link_targets

PAGE = (
    "# Travel\n\nBook trains through the portal. Flights need a reason.\n\n"
    "- Hotels: at most 140 euros a night.\n- Meals: 30 euros a day.\n\nReceipts go to Priya within ten days."
)


def test_text_that_fits_is_whole():
    assert excerpt(PAGE, "anything", most_chars=len(PAGE)) == PAGE


def test_part_that_holds_the_questions_words_is_kept():
    assert "140 euros" in excerpt(PAGE, "How much may a hotel cost a night?", most_chars=60)
    assert "Priya" in excerpt(PAGE, "Who gets my receipts?", most_chars=60)


def test_beginning_is_kept_where_no_word_is_held():
    assert excerpt(PAGE, "Ωmega?", most_chars=50).startswith("# Travel")


def test_sentence_that_is_longer_alone_is_cut():
    assert excerpt("word " * 100, "word", most_chars=20) == ("word " * 4).strip()


@given(st.text(max_size=400), st.text(max_size=40), st.integers(1, 500))
def test_excerpt_is_a_part_of_the_text_within_its_bound(text: str, question: str, most_chars: int):
    shown = excerpt(text, question, most_chars=most_chars)
    assert shown in text
    assert len(shown) <= most_chars


@given(st.text("ab .!?\n\r\t\u00a0\u202f\u3000", max_size=60))
def test_nothing_is_lost_between_lines_and_sentences(text: str):
    assert "".join(lines_and_sentences(text)) == text


@pytest.mark.parametrize("space", [" ", "\n", "\t", "\r", "\u00a0", "\u202f", "\u3000"])
def test_sentence_before_any_space_is_shown(space: str):
    text = f"Lunch is at noon.{space}Hotels cost at most 140 euros.{space}Receipts go to Priya."
    assert excerpt(text, "What may hotels cost?", most_chars=40) == "Hotels cost at most 140 euros."


@pytest.mark.timeout(10)
def test_long_run_of_dots_before_a_space_is_cut_at_once():
    text = "." * 20_000 + "\u00a0"
    assert excerpt(text, "dots", most_chars=100) == text[:100]


def test_link_leaves_its_label():
    text = 'Use [the form](https://intra.example/form_(new)?a=b "Form") or [mail](mailto:a@b.example), not ![x](y.png).'
    assert without_link_targets(text) == "Use the form or mail, not ![x](y.png)."


def test_brackets_without_a_target_stay():
    assert without_link_targets("See [1] and [a] (b).") == "See [1] and [a] (b)."
