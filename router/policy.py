"""The policy: which route a message takes, with a probability for each and a reason.

A score per route, the sum of named terms, made into probabilities by a softmax. Some of the terms are learned: what the
question alone says (`router.prior`). Another policy needs only `is_certain` and `decide`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from knowledge.documents import Passage
from router.calibration import logistic
from router.decisions import Route
from router.kinds import kind_of
from router.prior import Outlook, starting_prior
from router.questions import Question
from router.signals import Signals, read_signals

# Evidence is a logistic of similarity and coverage: a half where both stand at their middle.
SIMILARITY_MIDDLE = 0.41
SIMILARITY_STEEPNESS = 18.0
COVERAGE_MIDDLE = 0.6
COVERAGE_STEEPNESS = 3.0
BREADTH_STEEPNESS = 3.0

# The default route is retrieve: the others have to earn their place.
RETRIEVE_BASE = 1.2
RETRIEVE_EVIDENCE = 3.0
RETRIEVE_TEAM = 0.5
DIRECT_GENERAL = 4.2
DIRECT_GENERAL_TEAM_LOSS = 0.5
DIRECT_NOTHING_FOUND = 1.6
# A unit of log-odds, of what the starting policy says beyond the usual.
DIRECT_BY_HEART = 0.4
DIRECT_EVIDENCE_LOSS = 1.5
# Taught is a logistic of the nearness to what was taught: of questions that ask for it in other words 97% lie above its
# middle, of 600 others about workplaces 1%. A reviewer said that it stays true, so it outweighs passages that speak of
# something near, and not those that speak to the very question of a team.
DIRECT_TAUGHT = 7.0
TAUGHT_MIDDLE = 0.55
TAUGHT_STEEPNESS = 40.0
ABSTAIN_NO_EVIDENCE = 3.6
ABSTAIN_WITHOUT_TEAM = 0.3
ABSTAIN_GENERAL_LOSS = 1.5
CLARIFY_VAGUE = 5.5
CLARIFY_EVIDENCE_LOSS = 0.6
SOCIAL = 4.0
SOCIAL_MIDDLE = 0.7
# Certain by rule, and still a little less so for longer messages.
CERTAIN = 7.0
CERTAIN_LENGTH_LOSS = 2.0
CERTAIN_CORE_LOSS = 1.0
SMALLEST_SOCIAL_FOR_CERTAIN = 0.999
UNSEARCHED_EVIDENCE = 0.5
# Divides all terms (Guo et al., 2017): fitted on messages whose route is known (python -m tests.benchmarks --only odds).
TEMPERATURE = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A route with the probability of each, and one sentence why; `features` are the figures that were seen.

    `terms` are what speaks for each route and against it, in log-odds, by the name of what it is read from; where
    `by_rule`, they did not decide.
    """

    route: Route
    probabilities: Mapping[Route, float]
    reason: str
    features: Mapping[str, float]
    terms: Mapping[Route, Mapping[str, float]]
    by_rule: bool


class Policy:
    def is_certain(self, question: Question) -> bool:
        """Whether the documents need not be searched to decide."""
        if question.forced_route is not None:
            return question.forced_route not in (Route.RETRIEVE, Route.ABSTAIN)
        return _ruled(_signals(question, None)) is not None

    def decide(
        self,
        question: Question,
        passages: Sequence[Passage] | None,
        taught: float = 0.0,
        outlook: Outlook | None = None,
    ) -> Weighed:
        """`passages` is None where the documents were not, or could not be, searched.

        `taught` is how near the question comes to what the adapter in service was taught, `outlook` what the prior in
        service says; without one, what ships with Tandem is asked.
        """
        signals = _signals(question, passages, taught)
        outlook = outlook or starting_prior().outlook(question, passages)
        terms = _terms(signals, outlook)
        scores = {route: sum(of_route.values()) for route, of_route in terms.items()}
        certain = question.forced_route or _ruled(signals)
        if certain is not None:
            doubt = CERTAIN_LENGTH_LOSS * signals.length + CERTAIN_CORE_LOSS * (1 - signals.social_core)
            scores[certain] = max(scores.values()) + CERTAIN - doubt
        probabilities = _softmax(scores)
        route = certain or max(probabilities, key=probabilities.__getitem__)
        reason = "The route was asked for." if question.forced_route else _reason(route, signals, outlook)
        return Weighed(
            route=route,
            probabilities=probabilities,
            reason=reason,
            features={field.name: float(getattr(signals, field.name)) for field in fields(signals)} | _seen(outlook),
            terms=terms,
            by_rule=certain is not None,
        )


def _signals(question: Question, passages: Sequence[Passage] | None, taught: float = 0.0) -> Signals:
    kind = kind_of(question.text.strip())
    return read_signals(question, passages, taught, social=kind.social, task=kind.task)


def evidence_of(signals: Signals) -> float:
    """How far what was found speaks to the question, in (0, 1)."""
    if not signals.searched:
        return UNSEARCHED_EVIDENCE
    return logistic(
        SIMILARITY_STEEPNESS * (signals.similarity - SIMILARITY_MIDDLE)
        + COVERAGE_STEEPNESS * (signals.coverage - COVERAGE_MIDDLE)
        + BREADTH_STEEPNESS * (signals.breadth - SIMILARITY_MIDDLE)
    )


def _ruled(signals: Signals) -> Route | None:
    """The few cases in which nothing is weighed."""
    if signals.is_empty:
        return Route.CLARIFY
    return Route.SMALLTALK if signals.social >= SMALLEST_SOCIAL_FOR_CERTAIN else None


def _terms(signals: Signals, outlook: Outlook) -> dict[Route, dict[str, float]]:
    evidence = evidence_of(signals)
    missing = 1 - evidence
    general = signals.general * (1 - DIRECT_GENERAL_TEAM_LOSS * signals.team)
    # What cannot be read is no more about the world than about the team.
    not_of_team = 0.0 if signals.is_foreign else missing * (1 - signals.team)
    abstained = ABSTAIN_NO_EVIDENCE * missing * (ABSTAIN_WITHOUT_TEAM + (1 - ABSTAIN_WITHOUT_TEAM) * signals.team)
    terms: dict[Route, dict[str, float]] = {
        Route.DIRECT: {
            "general": DIRECT_GENERAL * general,
            "evidence": DIRECT_NOTHING_FOUND * not_of_team - DIRECT_EVIDENCE_LOSS * evidence,
            "by_heart": outlook.by_heart if outlook.is_own else DIRECT_BY_HEART * outlook.by_heart * not_of_team,
            "taught": DIRECT_TAUGHT * _taught(signals),
        },
        Route.RETRIEVE: {
            "usual": RETRIEVE_BASE,
            "evidence": RETRIEVE_EVIDENCE * evidence,
            "team": RETRIEVE_TEAM * signals.team,
        },
        Route.ABSTAIN: {
            "evidence": abstained,
            "general": -ABSTAIN_GENERAL_LOSS * general,
            "hopeless": outlook.hopeless * missing,
        },
        Route.CLARIFY: {
            "vague": CLARIFY_VAGUE * signals.vague * (1 - signals.length),
            "evidence": -CLARIFY_EVIDENCE_LOSS * evidence,
        },
        Route.SMALLTALK: {"social": SOCIAL * (signals.social - SOCIAL_MIDDLE)},
    }
    return {route: {name: value / TEMPERATURE for name, value in named.items()} for route, named in terms.items()}


def _seen(outlook: Outlook) -> dict[str, float]:
    figures = {"by_heart": outlook.by_heart, "several": outlook.several, "hopeless": outlook.hopeless}
    return {name: round(value, 4) for name, value in figures.items()}


def is_taught(nearness: float) -> bool:
    """Whether a question is rather one that was taught than not."""
    return nearness >= TAUGHT_MIDDLE


def _taught(signals: Signals) -> float:
    """How far the question is one that the adapter in service was taught, in [0, 1)."""
    return logistic(TAUGHT_STEEPNESS * (signals.taught - TAUGHT_MIDDLE)) if signals.taught else 0.0


def _reason(route: Route, signals: Signals, outlook: Outlook) -> str:
    found = f"best match {signals.similarity:.2f}, {signals.coverage:.0%} of its words found"
    match route:
        case Route.SMALLTALK:
            return "The message is a greeting, thanks or the like."
        case Route.CLARIFY:
            return (
                "The message does not say what it is about." if not signals.is_empty else "The message holds no words."
            )
        case Route.DIRECT:
            return f"The message {_asks_for(signals, outlook, found)}."
        case Route.RETRIEVE | Route.MULTI if signals.searched:
            return f"The documents speak to the question ({found})."
        case Route.RETRIEVE | Route.MULTI:
            return "The question is one for the documents."
        case Route.ABSTAIN:
            asks = "The question asks about the team, but the" if signals.team else "The"
            return f"{asks} documents hold too little ({found})."


def _asks_for(signals: Signals, outlook: Outlook, found: str) -> str:
    if is_taught(signals.taught):
        return f"asks for know-how that the model was taught (nearness {signals.taught:.2f})"
    if outlook.is_own and outlook.by_heart > 0 and not signals.general:
        return f"is of a kind that memory answers rightly, by the examples that the policy was fitted on ({found})"
    asked = "asks for general knowledge, a text or a sum" if signals.general else "does not ask about the team"
    return f"{asked}; the documents hold little on it ({found})"


def _softmax(scores: Mapping[Route, float]) -> dict[Route, float]:
    top = max(scores.values())
    powers = {route: math.exp(score - top) for route, score in scores.items()}
    total = sum(powers.values())
    return {route: power / total for route, power in powers.items()}
