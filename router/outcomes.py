"""What people's feedback says about the route that was taken: one labelled outcome per person and arm."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from router.decisions import FROM_DOCUMENTS, Route, likelier_of_documents
from router.exchanges import Exchange
from router.feedback import Feedback

# Of one person's outcomes, so many count in full; with more, each counts less.
MOST_PER_PERSON = 20
# A vote on an answer is about its route only among other things; what somebody wants instead is not yet an answer.
VOTE, CORRECTION_OF_OTHER, WANTED = 0.5, 0.25, 0.5
JUDGED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Whether an arm was good for an exchange, by one person. `odds` is what the policy gave it, before any correction.

    `propensity` is the chance with which it was served; 1 for an arm that was wished for and not served.
    """

    exchange_id: str
    person: str
    arm: Route
    good: bool
    weight: float
    odds: float
    propensity: float
    features: Mapping[str, float]


def outcomes_of(exchange: Exchange, events: Iterable[Feedback]) -> list[Outcome]:
    """Nothing where the route was asked for, or nobody noted with what odds it was taken."""
    decision = exchange.decision
    odds = {route: decision.features[f"odds_{route}"] for route in Route if f"odds_{route}" in decision.features}
    chosen = decision.route if decision.route in odds else None
    if decision.forced or chosen is None:
        return []
    found: list[Outcome] = []
    for person, said in _by_person(events).items():
        for arm, (good, weight) in _judgements(chosen, said, likelier_of_documents(odds)).items():
            if arm in odds:
                found.append(
                    Outcome(
                        exchange_id=exchange.exchange_id,
                        person=person,
                        arm=arm,
                        good=good,
                        weight=weight,
                        odds=odds[arm],
                        propensity=decision.propensity if arm is chosen else 1.0,
                        features=decision.features,
                    )
                )
    return found


def capped(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Nobody outvotes a team: a person's outcomes weigh together at most as MOST_PER_PERSON of them."""
    kept = list(outcomes)
    counted = Counter((each.person, each.arm) for each in kept)
    return [
        replace(each, weight=each.weight * min(1.0, MOST_PER_PERSON / counted[each.person, each.arm])) for each in kept
    ]


def _by_person(events: Iterable[Feedback]) -> dict[str, list[Feedback]]:
    said: dict[str, list[Feedback]] = {}
    for event in sorted(events, key=lambda event: (event.at, event.feedback_id)):
        said.setdefault(event.person, []).append(event)
    return said


def _judgements(served: Route, said: list[Feedback], documents: Route) -> dict[Route, tuple[bool, float]]:
    """The person's last word on each arm: an override weighs more than a vote, and is not taken back by one.

    Whoever wants sources asks for documents, by whichever of their arms would have served.
    """
    judged: dict[Route, tuple[bool, float]] = {}
    vote: tuple[bool, float] | None = None
    for event in said:
        match event.kind:
            case "vote_up":
                vote = (True, VOTE)
            case "vote_down":
                vote = (False, VOTE)
            case "correction":
                vote = (False, JUDGED if "route" in event.what_was_wrong else CORRECTION_OF_OTHER)
            case "unvote":
                vote = None
            case "override" if event.wanted is not None:
                wanted = documents if event.wanted in FROM_DOCUMENTS else event.wanted
                judged = {served: (False, JUDGED), wanted: (True, WANTED)}
            case _:
                continue
    return judged or ({} if vote is None else {served: vote})
