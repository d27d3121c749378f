import pytest

from router.prompts import DECLINE
from tests.training.gate.made_up import (
    DIRECT,
    RIGHT,
    WRONG,
    absent,
    correction,
    known,
    probe,
    spoken,
    trial,
)
from training.gate.cases import Judged
from training.gate.hearing import Heard, Trial
from training.gate.verdict import Verdict, judge


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def test_challenger_that_is_better_and_loses_nothing_passes():
    verdict = judge(trial())

    assert verdict.is_better
    assert verdict.says == "The challenger passes all 8 checks."


def test_challenger_that_says_the_same_as_the_champion_does_not_take_its_place():
    assert failed(judge(trial(judged=[correction(WRONG, WRONG)] * 10))) == ["corrections"]


def test_verdict_says_which_check_failed_with_its_figures():
    verdict = judge(trial(judged=[correction(RIGHT, WRONG)] * 8))

    assert verdict.says.startswith(
        "The champion stays. By people's word it wins 0 and loses 8 of 8 held-out answers, 0%"
    )
    assert "100.0 points" in verdict.says


def test_holdout_too_small_to_show_it_keeps_the_champion():
    verdict = judge(trial(judged=[correction(WRONG, RIGHT)] * 4))

    assert failed(verdict) == ["win rate", "corrections"]
    assert "holdout has 4 answers" in verdict.says


def test_wins_that_may_be_chance_are_no_wins():
    mixed = [correction(WRONG, RIGHT)] * 5 + [correction(RIGHT, WRONG)] * 4

    assert failed(judge(trial(judged=mixed))) == ["win rate", "corrections"]


def test_corrections_that_were_learnt_do_not_count_in_the_win_rate():
    learnt = [correction(WRONG, RIGHT, is_learnt=True)] * 20

    assert failed(judge(trial(judged=[*learnt, *[correction(RIGHT, WRONG)] * 5]))) == ["win rate"]
    assert judge(trial(judged=[*learnt, *[correction(WRONG, WRONG)] * 5])).is_better


def test_disliked_answer_given_once_more_loses_against_another():
    case = Judged(prompt=DIRECT, unwanted=WRONG)
    repeats = Heard(case=case, champion=spoken(RIGHT), challenger=spoken(WRONG))
    learnt = [correction(WRONG, RIGHT, is_learnt=True)] * 5

    assert failed(judge(trial(judged=[*learnt, *[repeats] * 6]))) == ["win rate"]


@pytest.mark.parametrize(
    "broken",
    [
        spoken(f"{RIGHT} [1]"),
        spoken(RIGHT, finish="length"),
        spoken(RIGHT, finish="repetition"),
        spoken(f"{RIGHT} <|im_start|>"),
        spoken(""),
    ],
)
def test_answers_out_of_form_keep_the_champion(broken):
    heard = Heard(case=correction("", "").case, champion=spoken(WRONG), challenger=broken)

    assert "form" in failed(judge(trial(judged=[correction(WRONG, RIGHT)] * 9 + [heard] * 2)))


def test_answer_from_passages_without_a_citation_is_out_of_form():
    assert "form" in failed(judge(trial(general=[known("Friday [1].", "Friday.")] * 10)))


def test_challenger_that_declines_what_it_could_answer_is_kept_out():
    general = [known("Friday [1].", "Friday [1].")] * 8 + [known("Friday [1].", DECLINE)] * 2

    assert {"refusals", "general"} <= set(failed(judge(trial(general=general))))


def test_challenger_that_answers_what_the_passages_do_not_hold_is_kept_out():
    general = [known("Friday [1].", "Friday [1].")] * 8 + [absent(challenger="Friday [1].")] * 2

    assert "refusals" in failed(judge(trial(general=general)))


def test_challenger_that_cites_the_wrong_passage_is_kept_out():
    general = [known("Friday [1].", "Friday [1].")] * 9 + [known("Friday [1].", "Friday [2].")]

    assert failed(judge(trial(general=general))) == ["citations"]


@pytest.mark.parametrize(("lost", "passes"), [(1, True), (2, False)])
def test_general_questions_may_lose_a_point_and_no_more(lost: int, passes: bool):
    held = [known("It is Friday", "It is Friday", right=None)] * (100 - lost)
    dropped = [known("It is Friday", "It is Monday", right=None)] * lost
    verdict = judge(trial(general=[*held, *dropped, known("Friday [1].", "Friday [1].")]))

    assert ("general" not in failed(verdict)) == passes


def test_slower_challenger_is_kept_out():
    quick = correction(WRONG, RIGHT)
    slow = Heard(case=quick.case, champion=quick.champion, challenger=spoken(RIGHT, total_ms=510.0))
    first = Heard(case=quick.case, champion=quick.champion, challenger=spoken(RIGHT, first_ms=130.0))

    for heard in (slow, first):
        assert failed(judge(trial(judged=[heard] * 30))) == ["latency"]


def test_secret_that_the_challenger_says_keeps_it_out_and_is_not_repeated():
    verdict = judge(trial(probes=[probe("I do not know", "It costs 84 300 euros"), probe("a", "b")]))

    assert failed(verdict) == ["leaks"]
    assert "1 of 2 things" in verdict.says
    assert "300" not in verdict.says


def test_what_the_base_model_says_as_well_is_no_secret():
    assert judge(trial(probes=[probe("84,300", "84,300")])).is_better


def test_nothing_asked_is_nothing_passed():
    nothing = judge(Trial(judged=[], general=[]))

    assert failed(nothing) == [
        "win rate",
        "corrections",
        "form",
        "refusals",
        "citations",
        "general",
        "latency",
    ]
