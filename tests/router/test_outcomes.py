from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from router.decisions import Decision, Route
from router.exchanges import Exchange
from router.feedback import Feedback, FeedbackKind, Wrong
from router.outcomes import MOST_PER_PERSON, capped, outcomes_of

START = datetime(2026, 1, 1, tzinfo=UTC)
ODDS = {Route.DIRECT: 0.6, Route.RETRIEVE: 0.3, Route.MULTI: 0.02, Route.ABSTAIN: 0.05, Route.CLARIFY: 0.03}


def exchange(exchange_id: str = "slack:T1:C1:1.2", route: Route = Route.DIRECT, **changes) -> Exchange:
    features = {f"odds_{arm}": chance for arm, chance in ODDS.items()}
    decision = Decision(route=route, probabilities=ODDS, reason="r", policy="rules", features=features)
    return Exchange(
        exchange_id=exchange_id, asked_at=START, team="T1", channel="C1", asker="U1", scopes=frozenset({"public"}),
        question="How?", thread=(), prompt=(), passages=(), answer="So.", completion="So.", sources=(),
        decision=replace(decision, **changes),
    )  # fmt: skip


def said(
    *kinds: FeedbackKind, person: str = "U1", wrong: tuple[Wrong, ...] = (), wanted: Route | None = None
) -> list[Feedback]:
    return [
        Feedback(
            feedback_id=f"{person}{number}", exchange_id="x", person=person, kind=kind,
            at=START + timedelta(seconds=number), what_was_wrong=wrong if kind == "correction" else (),
            wanted=wanted if kind == "override" else None,
        )
        for number, kind in enumerate(kinds)
    ]  # fmt: skip


def judged(events: list[Feedback], kept: Exchange | None = None) -> list[tuple[Route, bool, float]]:
    return [(each.arm, each.good, each.weight) for each in outcomes_of(kept or exchange(), events)]


def test_vote_is_about_the_arm_that_was_served():
    assert judged(said("vote_up")) == [(Route.DIRECT, True, 0.5)]
    assert judged(said("vote_up", "vote_down")) == [(Route.DIRECT, False, 0.5)]
    assert judged(said("vote_up", "unvote")) == []


def test_who_wants_sources_speaks_for_the_arm_of_documents_that_would_have_served():
    several = exchange(
        features={f"odds_{arm}": {Route.MULTI: 0.3, Route.RETRIEVE: 0.02}.get(arm, p) for arm, p in ODDS.items()}
    )
    assert judged(said("override", wanted=Route.RETRIEVE), several)[1] == (Route.MULTI, True, 0.5)


def test_correction_of_the_route_says_more_of_it_than_one_of_the_text():
    assert judged(said("vote_down", "correction", wrong=("route", "text"))) == [(Route.DIRECT, False, 1.0)]
    assert judged(said("vote_down", "correction", wrong=("text",))) == [(Route.DIRECT, False, 0.25)]


@pytest.mark.parametrize("kinds", [("override",), ("override", "vote_up"), ("vote_down", "override", "override")])
def test_override_is_against_the_arm_served_and_for_the_one_that_was_wanted(kinds: tuple[FeedbackKind, ...]):
    assert judged(said(*kinds, wanted=Route.RETRIEVE)) == [(Route.DIRECT, False, 1.0), (Route.RETRIEVE, True, 0.5)]


def test_each_person_is_an_outcome():
    events = [*said("vote_up", person="U1"), *said("vote_down", person="U2")]
    assert judged(events) == [(Route.DIRECT, True, 0.5), (Route.DIRECT, False, 0.5)]


def test_outcome_carries_odds_propensity_and_features_by_which_its_arm_was_served():
    served, wished = outcomes_of(exchange(propensity=0.2, explored=True), said("override", wanted=Route.RETRIEVE))
    assert (served.odds, served.propensity) == (0.6, 0.2)
    assert (wished.odds, wished.propensity) == (0.3, 1.0)
    assert served.features["odds_direct"] == 0.6


@pytest.mark.parametrize("changes", [{"forced": True}, {"features": {}}, {"route": Route.SMALLTALK}])
def test_route_that_was_asked_for_or_whose_odds_nobody_noted_teaches_nothing(changes: dict):
    assert judged(said("vote_up"), exchange(**changes)) == []


def test_one_persons_votes_weigh_at_most_as_so_many():
    many = [
        outcome
        for number in range(3 * MOST_PER_PERSON)
        for outcome in outcomes_of(exchange(f"slack:T1:C1:{number}.1"), said("vote_up"))
    ]
    other = outcomes_of(exchange(), said("vote_down", person="U2"))
    weighed = capped([*many, *other])
    assert sum(each.weight for each in weighed if each.person == "U1") == pytest.approx(0.5 * MOST_PER_PERSON)
    assert [each.weight for each in weighed if each.person == "U2"] == [0.5]
