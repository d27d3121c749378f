import pytest

from training.scoring import citations, declines, f1, holds_gold, measure


@pytest.mark.parametrize(
    ("answer", "golds", "score"),
    [
        ("308 [2].", ("308",), 1.0),
        ("The Denver Broncos [1].", ("Denver Broncos",), 1.0),
        ("the red fox [1].", ("fox",), 2 / 3),
        ("a cat [1].", ("dog",), 0.0),
        ("[1].", ("dog",), 0.0),
        ("dog [3].", ("cat", "dog"), 1.0),
    ],
)
def test_overlap_with_the_best_gold(answer: str, golds: tuple[str, ...], score: float):
    assert f1(answer, golds) == pytest.approx(score)


def test_gold_is_held_as_whole_words_only():
    assert holds_gold("It was in 1907 [1].", ("1907",))
    assert not holds_gold("It was in 19075 [1].", ("1907",))
    assert not holds_gold("Three [4].", ("4",))


def test_quotation_marks_of_any_kind_are_no_part_of_a_word():
    assert holds_gold("We say “We wish we had two chairs”.", ("two chairs",))
    assert f1("«Sails up» … [1].", ("Sails up",)) == 1.0


def test_citations_are_read_in_order():
    assert citations("Two [2] and one [1].") == [2, 1]


def test_only_the_agreed_sentence_declines():
    assert declines("The passages do not say.")
    assert declines("the passages do not say")
    assert not declines("The passages say 12 [1].")


def test_interval_holds_the_mean_and_shrinks_with_more_questions():
    few, many = measure([0.0, 1.0] * 10), measure([0.0, 1.0] * 1000)

    assert few.low < few.mean == 0.5 < few.high
    assert many.high - many.low < few.high - few.low


def test_nothing_measured_is_no_figure():
    with pytest.raises(ValueError, match="nothing"):
        measure([])
