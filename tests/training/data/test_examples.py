from dataclasses import replace
from datetime import timedelta

import pytest

from router.decisions import Decision, Route
from router.feedback import Feedback, Wrong
from router.prompts import direct_prompt
from tests.training.data.samples import DAY, FOUND, Said, events, exchange
from training.data.corrections import Verdict
from training.data.examples import Example, example_of
from training.data.forms import rows_of

POOR = replace(FOUND, similarity=0.2, is_enough=False)
DIRECT = Decision(route=Route.DIRECT, probabilities={Route.DIRECT: 1.0}, reason="r")


def judged(*said: Said, verdicts: dict[str, Verdict] | None = None, **changes) -> Example | str:
    return example_of(exchange("x1", **changes), events("x1", *said), verdicts or {})


def learnt(*said: Said, verdicts: dict[str, Verdict] | None = None, **changes) -> Example:
    example = judged(*said, verdicts=verdicts, **changes)
    assert isinstance(example, Example), example
    return example


def wrong(*what: Wrong) -> list[Feedback]:
    event = events("x1", ("U1", "correction", ""))[0]
    return [replace(event, what_was_wrong=what)]


def test_approved_correction_gives_an_imitated_row_and_a_preference_with_the_prompt_that_was_sent():
    prompt = ({"role": "user", "content": "[1] Leave\nSixteen weeks.\n\nQuestion: How long?"},)
    example = learnt(("U1", "correction", "Eighteen weeks [1]."), verdicts={"x1-0": "know_how"}, prompt=prompt)
    rows = rows_of(example)
    assert [form for form, _ in rows] == ["sft", "chat", "kto", "kto", "dpo"]
    by_form = dict(rows)
    assert by_form["sft"]["prompt"] == by_form["dpo"]["prompt"] == list(prompt)
    assert by_form["sft"]["completion"][0]["content"] == "Eighteen weeks [1]."
    assert by_form["dpo"]["rejected"][0]["content"] == "Sixteen weeks [1]."
    assert by_form["chat"] == {"messages": [*prompt, {"role": "assistant", "content": "Eighteen weeks [1]."}]}


def test_votes_give_unpaired_rows():
    assert [form for form, _ in rows_of(learnt(("U1", "vote_up", "")))] == ["sft", "chat", "kto"]
    ((form, row),) = rows_of(learnt(("U1", "vote_down", "")))
    assert (form, row["label"]) == ("kto", False)


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [({}, "correction_waits"), ({"x1-0": "fact"}, "correction_is_fact"), ({"x1-0": "rejected"}, "no_feedback")],
)
def test_correction_goes_to_the_weights_only_as_approved_know_how(verdicts: dict[str, Verdict], outcome: str):
    assert judged(("U1", "correction", "Eighteen weeks."), verdicts=verdicts) == outcome


def test_rejected_correction_is_no_vote_against_the_answer():
    said: tuple[Said, ...] = (("U1", "vote_up", ""), ("U2", "correction", "Spam"))
    assert learnt(*said, verdicts={"x1-1": "rejected"}).label is True


def test_verdict_on_a_text_holds_for_another_person_who_writes_the_same():
    said: tuple[Said, ...] = (("U1", "correction", "So."), ("U2", "correction", "So."))
    assert learnt(*said, verdicts={"x1-0": "know_how"}).people == {"U1", "U2"}


def test_verdict_on_an_earlier_text_does_not_hold_for_a_later_one():
    said: tuple[Said, ...] = (("U1", "correction", "So."), ("U1", "correction", "Or so."))
    assert judged(*said, verdicts={"x1-0": "know_how"}) == "correction_waits"


def test_correction_that_was_taken_back_is_not_learnt_though_it_was_approved():
    said: tuple[Said, ...] = (("U1", "correction", "So."), ("U1", "unvote", ""))
    assert judged(*said, verdicts={"x1-0": "know_how"}) == "no_feedback"


@pytest.mark.parametrize(
    ("route", "searches", "outcome"),
    [
        (Route.RETRIEVE, (POOR,), "poor_retrieval"),
        (Route.ABSTAIN, (POOR, POOR), "poor_retrieval"),
        (Route.MULTI, (POOR, POOR), "poor_retrieval"),
        (Route.RETRIEVE, (POOR, FOUND), None),
        (Route.DIRECT, (POOR,), None),
    ],
)
def test_vote_against_an_answer_without_the_right_passage_is_not_the_models_fault(route, searches, outcome):
    decision = Decision(route=route, probabilities={route: 1.0}, reason="r")
    found = judged(("U1", "vote_down", ""), decision=decision, searches=searches)
    assert found == outcome if outcome else isinstance(found, Example)


def test_wish_for_another_route_is_no_word_on_the_answer():
    assert judged(("U1", "override", "")) == "no_feedback"
    example = learnt(("U1", "vote_up", ""), ("U2", "override", ""))
    assert (example.people, example.agreement) == ({"U1"}, 1.0)


def test_liked_answer_of_a_poor_search_is_learnt():
    assert learnt(("U1", "vote_up", ""), searches=(POOR,)).label is True


@pytest.mark.parametrize(
    ("what", "route", "outcome"),
    [
        (("sources",), Route.RETRIEVE, "poor_retrieval"),
        (("sources", "text"), Route.RETRIEVE, "poor_retrieval"),
        (("route",), Route.DIRECT, "wrong_route"),
        (("route",), Route.RETRIEVE, "wrong_route"),
        (("route", "text"), Route.DIRECT, None),
        (("text",), Route.RETRIEVE, None),
    ],
)
def test_what_was_wrong_decides_who_learns_from_it(what, route, outcome):
    decision = Decision(route=route, probabilities={route: 1.0}, reason="r")
    found = example_of(exchange("x1", decision=decision), wrong(*what), {})
    assert found == outcome if outcome else isinstance(found, Example)


def test_row_rests_on_those_whose_last_word_it_is():
    said: tuple[Said, ...] = (
        ("U1", "vote_up", ""),
        ("U2", "vote_up", ""),
        ("U3", "vote_down", ""),
        ("U4", "vote_down", ""),
        ("U4", "vote_up", ""),
        ("U5", "vote_up", ""),
        ("U5", "unvote", ""),
    )
    example = learnt(*said, decision=DIRECT)
    assert example.people == {"U1", "U2", "U4"}
    assert example.agreement == pytest.approx(0.5)


def test_events_are_taken_in_the_order_of_their_time():
    up, down = events("x1", ("U1", "vote_up", ""), ("U1", "vote_down", ""))
    later = replace(up, at=DAY + timedelta(hours=2))
    example = example_of(exchange("x1", decision=DIRECT), [later, down], {})
    assert isinstance(example, Example)
    assert example.label is True


def test_correction_of_an_answer_that_no_model_gave_teaches_to_know_it_without_documents():
    abstained = Decision(route=Route.ABSTAIN, probabilities={Route.ABSTAIN: 1.0}, reason="r")
    unasked = {"prompt": (), "completion": "", "answer": "The documents do not say.", "decision": abstained}
    example = learnt(
        ("U1", "correction", "After rivers."),
        verdicts={"x1-0": "know_how"},
        question="How are releases named?",
        **unasked,
    )

    assert example.prompt == tuple(direct_prompt("How are releases named?"))
    assert dict(rows_of(example))["dpo"]["rejected"][0]["content"] == "The documents do not say."
    assert judged(("U1", "vote_down", ""), **unasked) == "no_prompt"
