"""Feedback as it arrives, event by event, and what it comes to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from router.decisions import Route

FeedbackKind = Literal["vote_up", "vote_down", "unvote", "correction", "override"]
Wrong = Literal["route", "sources", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One click or one form. `feedback_id` is the caller's idempotency key: the same id counts once.

    `wanted` is the route that an override asks for instead of the one taken.
    """

    feedback_id: str
    exchange_id: str
    person: str
    kind: FeedbackKind
    at: datetime
    what_was_wrong: tuple[Wrong, ...] = ()
    correction: str = ""
    wanted: Route | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalFeedback:
    """What all events on one exchange come to. `ups` and `downs` count each person's last word once."""

    ups: int = 0
    downs: int = 0
    what_was_wrong: tuple[Wrong, ...] = ()
    correction: str = ""

    @property
    def label(self) -> bool | None:
        """True for a liked answer, False for a disliked one, None where people are silent or divided."""
        return None if self.ups == self.downs else self.ups > self.downs


def fold(events: Iterable[Feedback]) -> FinalFeedback:
    """The last vote of each person counts, and the last correction that its person has not taken back.

    A correction is also a vote against the answer; an un-vote takes a person's votes and correction back. An override
    says by which route to answer, and nothing on what the answer says.
    """
    votes: dict[str, bool] = {}
    corrections: dict[str, Feedback] = {}
    for event in sorted(events, key=lambda event: (event.at, event.feedback_id)):
        if event.kind == "override":
            continue
        if event.kind == "unvote":
            votes.pop(event.person, None)
            corrections.pop(event.person, None)
            continue
        votes[event.person] = event.kind == "vote_up"
        if event.kind == "correction":
            corrections.pop(event.person, None)
            corrections[event.person] = event
        elif event.kind == "vote_up":
            corrections.pop(event.person, None)
    last = next(reversed(corrections.values()), None)
    ups = sum(votes.values())
    return FinalFeedback(
        ups=ups,
        downs=len(votes) - ups,
        what_was_wrong=last.what_was_wrong if last else (),
        correction=last.correction if last else "",
    )
