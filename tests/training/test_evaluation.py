import pytest

from router.prompts import DECLINE
from training.articles import Article, Asked, Paragraph
from training.evaluation import Case, grounding_cases, score


def _articles() -> list[Article]:
    return [
        Article(
            title=f"Article {number}",
            paragraphs=tuple(
                Paragraph(
                    title=f"Article {number}",
                    text=f"text {number}{part}",
                    questions=(Asked(text=f"q{number}{part}", golds=(f"a{number}{part}",)),),
                )
                for part in range(3)
            ),
        )
        for number in range(4)
    ]


def test_every_question_is_asked_with_its_passage_and_without():
    cases = grounding_cases(_articles())

    assert sorted(case.question for case in cases if case.right) == sorted(
        f"q{n}{p}" for n in range(4) for p in range(3)
    )
    assert sorted(case.question for case in cases if case.right is None) == sorted(
        case.question for case in cases if case.right
    )


def test_passages_are_the_right_one_a_neighbour_and_a_stranger():
    for case in grounding_cases(_articles()):
        article, own = case.question[1], f"text {case.question[1:]}"
        titles = [passage.title for passage in case.passages]

        assert len(case.passages) == 3
        assert (own in [passage.text for passage in case.passages]) == (case.right is not None)
        assert titles.count(f"Article {article}") == (2 if case.right else 1)
        if case.right:
            assert case.passages[case.right - 1].text == own


def test_right_passage_is_shuffled():
    assert {case.right for case in grounding_cases(_articles())} == {1, 2, 3, None}


def _case(*, right: int | None) -> Case:
    return Case(question="q", golds=("red fox",), passages=_articles()[0].paragraphs, right=right)


def test_perfect_answers_score_one():
    figures = score([(_case(right=2), "red fox [2]."), (_case(right=None), DECLINE)])

    assert (figures.f1.mean, figures.holds_gold.mean, figures.right_citation.mean) == (1, 1, 1)
    assert (figures.declines_answerable.mean, figures.declines_absent.mean) == (0, 1)


def test_wrong_decline_counts_against_every_figure_of_the_answerable():
    figures = score([(_case(right=2), DECLINE), (_case(right=2), "red fox [2]."), (_case(right=None), "red fox [1].")])

    assert (figures.f1.mean, figures.right_citation.mean, figures.declines_answerable.mean) == (0.5, 0.5, 0.5)
    assert figures.declines_absent.mean == 0


@pytest.mark.parametrize("answer", ["red fox [1].", "red fox.", "red fox [2] [1].", "red fox [9]."])
def test_any_other_citation_than_the_right_one_is_wrong(answer: str):
    figures = score([(_case(right=2), answer), (_case(right=None), DECLINE)])

    assert figures.right_citation.mean == 0
