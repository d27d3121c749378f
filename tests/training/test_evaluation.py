import asyncio

import pytest

from router.errors import ModelUnavailable
from router.model import ModelClient
from router.prompts import DECLINE
from router.settings import RouterSettings
from tests.router.fakes import ScriptedModel
from training.articles import Article, Asked, Paragraph
from training.evaluation import Case, Heard, arguments, fitted_surety, grounding_cases, hear, score, some


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


def test_some_questions_are_asked_both_with_and_without_their_passage():
    cases = grounding_cases(_articles())

    few = some(cases, 5)

    assert [case.right is None for case in few] == [False, True] * 5
    assert [case.question for case in few[::2]] == [case.question for case in few[1::2]]
    assert some(cases, 10_000) == cases


def test_right_passage_is_shuffled():
    assert {case.right for case in grounding_cases(_articles())} == {1, 2, 3, None}


async def test_nothing_more_is_asked_once_a_question_was_not_answered():
    async with ScriptedModel(mode="error").running() as server:
        model = ModelClient(url=server.url, settings=RouterSettings())
        with pytest.raises(ModelUnavailable):
            await hear(grounding_cases(_articles()), model, model="base", together=True, concurrency=1)
        await asyncio.sleep(0.2)
        await model.aclose()

    assert len(server.requests) == 1


def _case(*, right: int | None) -> Case:
    return Case(question="q", golds=("red fox",), passages=_articles()[0].paragraphs, right=right)


def _heard(*said: tuple[Case, str]) -> list[Heard]:
    return [Heard(case=case, text=text) for case, text in said]


def test_perfect_answers_score_one():
    figures = score(_heard((_case(right=2), "red fox [2]."), (_case(right=None), DECLINE)))

    assert (figures.f1.mean, figures.holds_gold.mean, figures.right_citation.mean) == (1, 1, 1)
    assert (figures.declines_answerable.mean, figures.declines_absent.mean) == (0, 1)


def test_wrong_decline_counts_against_every_figure_of_the_answerable():
    figures = score(
        _heard((_case(right=2), DECLINE), (_case(right=2), "red fox [2]."), (_case(right=None), "red fox [1]."))
    )

    assert (figures.f1.mean, figures.right_citation.mean, figures.declines_answerable.mean) == (0.5, 0.5, 0.5)
    assert figures.declines_absent.mean == 0


@pytest.mark.parametrize("answer", ["red fox [1].", "red fox.", "red fox [2] [1].", "red fox [9]."])
def test_any_other_citation_than_the_right_one_is_wrong(answer: str):
    figures = score(_heard((_case(right=2), answer), (_case(right=None), DECLINE)))

    assert figures.right_citation.mean == 0


def _sure(surety: float, *, right: int | None = 1) -> Heard:
    return Heard(case=_case(right=right), text="red fox [1].", surety=surety)


def test_citation_of_answers_is_measured_over_what_is_answered():
    figures = score(_heard((_case(right=2), DECLINE), (_case(right=2), "red fox [2]."), (_case(right=None), DECLINE)))

    assert figures.right_citation_of_answers is not None
    assert figures.right_citation_of_answers.mean == 1


def test_answer_that_is_less_sure_than_asked_for_counts_as_declined():
    figures = score([_sure(1.0), _sure(3.0), _sure(1.5, right=None)], least_surety=2.0)

    assert (figures.f1.mean, figures.declines_answerable.mean, figures.declines_absent.mean) == (0.5, 0.5, 1)


def test_fitted_surety_declines_no_more_than_the_share_asked_for():
    heard = [*(_sure(float(n)) for n in range(10)), *(_sure(-9.0, right=None) for _ in range(5))]

    figures = score(heard, least_surety=fitted_surety(heard, declined=0.25))

    assert figures.declines_answerable.mean == 0.2


_ASKED = ("--url", "http://127.0.0.1:1", "--model", "grounding")


@pytest.mark.parametrize("told", ["0", "-1", "few"])
def test_no_questions_or_fewer_cannot_be_asked_for(told: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        arguments((*_ASKED, "--questions", told))

    assert f"{told} is no number of questions" in capsys.readouterr().err


@pytest.mark.parametrize(("setting", "together"), [(None, True), ("false", True), ("true", False)])
def test_passages_are_read_as_the_router_is_set_to_read_them(
    setting: str | None, together: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("TANDEM_READ_APART", raising=False)
    if setting:
        monkeypatch.setenv("TANDEM_READ_APART", setting)

    assert arguments(_ASKED).together == together


@pytest.mark.parametrize("setting", ["false", "true"])
def test_passages_are_read_as_the_command_says_whatever_the_setting(setting: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TANDEM_READ_APART", setting)

    assert arguments((*_ASKED, "--together")).together
    assert not arguments((*_ASKED, "--apart")).together


def test_surety_is_fitted_where_passages_are_read_apart_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TANDEM_READ_APART", raising=False)

    assert not arguments((*_ASKED, "--fit", "0.04")).together
    with pytest.raises(SystemExit):
        arguments((*_ASKED, "--fit", "0.04", "--together"))
