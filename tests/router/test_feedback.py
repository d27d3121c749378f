from datetime import UTC, datetime, timedelta
from itertools import permutations

from router.feedback import Feedback, FeedbackKind, fold

START = datetime(2026, 1, 1, tzinfo=UTC)


def events(*said: tuple[str, FeedbackKind], correction: str = "Better.") -> list[Feedback]:
    return [
        Feedback(
            feedback_id=f"f{number}",
            exchange_id="x",
            person=person,
            kind=kind,
            at=START + timedelta(seconds=number),
            correction=correction if kind == "correction" else "",
            what_was_wrong=("text",) if kind == "correction" else (),
        )
        for number, (person, kind) in enumerate(said)
    ]


def test_nothing_said_is_no_label():
    assert fold([]).label is None


def test_last_vote_of_a_person_counts():
    assert fold(events(("U1", "vote_up"), ("U1", "vote_down"))).label is False
    assert fold(events(("U1", "vote_down"), ("U1", "vote_up"))).label is True


def test_unvote_takes_vote_and_correction_back():
    final = fold(events(("U1", "vote_down"), ("U1", "correction"), ("U1", "unvote")))
    assert (final.label, final.correction) == (None, "")


def test_override_says_nothing_on_what_the_answer_says():
    final = fold(events(("U1", "vote_up"), ("U1", "override"), ("U2", "override")))
    assert (final.ups, final.downs) == (1, 0)


def test_correction_is_a_vote_against():
    final = fold(events(("U1", "correction")))
    assert (final.label, final.correction, final.what_was_wrong) == (False, "Better.", ("text",))


def test_later_praise_takes_ones_own_correction_back():
    assert fold(events(("U1", "correction"), ("U1", "vote_up"))).correction == ""


def test_many_votes_of_one_person_are_one_vote():
    many: list[tuple[str, FeedbackKind]] = [("U1", "vote_down")] * 50
    final = fold(events(*many, ("U2", "vote_up"), ("U3", "vote_up")))
    assert (final.ups, final.downs, final.label) == (2, 1, True)


def test_divided_people_give_no_label():
    assert fold(events(("U1", "vote_up"), ("U2", "vote_down"))).label is None


def test_order_of_arrival_does_not_matter():
    said = events(("U1", "vote_up"), ("U2", "correction"), ("U1", "unvote"), ("U2", "vote_down"))
    assert len({fold(order) for order in permutations(said)}) == 1
