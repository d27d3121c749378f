"""Chooses the route: the policy's odds, corrected by the release in service, and now and then the second-best."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from knowledge.documents import Passage
from router.calibration import logistic, logit
from router.decisions import (
    FROM_DOCUMENTS,
    Decision,
    Route,
    as_one,
    likelier_of_documents,
    next_best,
    with_contributions,
    without_contributions,
)
from router.errors import PolicyBroken, PolicyRefused
from router.evidence import Findings, wants_more
from router.exploration import choose, is_doubtful
from router.guessing import Guess
from router.in_service import InService, in_service
from router.policies import Policies
from router.policy import Policy, Weighed
from router.prior import Outlook
from router.questions import Question
from router.releases import Release
from router.settings import RouterSettings

_LOG = logging.getLogger(__name__)
# Of the odds of the documents, the share of searching more than once: where one search has not found enough, and where it has.
_SEVERAL, _ONE_DID = 0.85, 0.05
_WAYS = {
    Route.DIRECT: "answering from memory",
    Route.RETRIEVE: "one search of the documents",
    Route.MULTI: "several searches of the documents",
    Route.CLARIFY: "asking back",
    Route.ABSTAIN: "saying that the documents do not hold it",
    Route.SMALLTALK: "small talk",
}


class Chooser:
    def __init__(self, *, policy: Policy, policies: Policies, settings: RouterSettings) -> None:
        self._policy = policy
        self._policies = policies
        self._settings = settings
        self._read: dict[str, InService] = {}
        self._told: set[str] = set()

    def in_service(self, release: Release | None) -> InService:
        """What the release names; what comes with Tandem, and one line in the log, where its file is not what it says."""
        name = release.policy if release else ""
        try:
            if name not in self._read:
                self._read[name] = in_service(self._policies, name)
        except PolicyRefused as error:
            self._tell(name, error)
            return InService()
        return self._read[name]

    def is_certain(self, question: Question) -> bool:
        """Whether the documents need not be searched to decide."""
        return question.forced_route is not Route.MULTI and self._policy.is_certain(question)

    def is_doubtful(self, decision: Decision) -> bool:
        """Whether documents and memory lie close together."""
        return not decision.forced and is_doubtful(_rivals(decision.probabilities), band=self._settings.doubt_band)

    def decide(
        self,
        question: Question,
        findings: Findings,
        served: InService,
        *,
        guess: Guess | None = None,
        is_certain: bool = False,
        taught: float = 0.0,
        vector: Sequence[float] | None = None,
    ) -> Decision:
        """The best route by what is known so far; one that `is_certain` is not corrected. Raises PolicyBroken."""
        passages = findings.passages if findings.steps else None
        if is_certain or question.forced_route is not None:
            return self._unweighed(question, passages, served, taught=taught)
        served, outlook = self._outlook(served, question, passages, vector)
        weighed = self._policy.decide(question, passages, taught, outlook)
        features = {**weighed.features, **(guess.features() if guess else {})}
        leaves_open = wants_more(question, findings)
        share = _SEVERAL if leaves_open else _ONE_DID
        odds = _with_several(weighed.probabilities, logistic(logit(share) + outlook.several))
        chances = _sum_to_one(served.calibration.chances(odds, features))
        route = best(chances)
        features |= {f"odds_{each}": round(chance, 6) for each, chance in odds.items()}
        if not weighed.by_rule:
            features = with_contributions(features, _contributions(route, chances, odds, weighed))
        return Decision(
            route=route,
            probabilities=chances,
            reason=_reason(route, weighed, leaves_open=leaves_open and passages is not None),
            policy=served.name,
            features=features,
        )

    def _unweighed(
        self, question: Question, passages: Sequence[Passage] | None, served: InService, *, taught: float
    ) -> Decision:
        """As somebody asked, or as a rule says: that needs no word of the prior in service, nor a vector for one."""
        ruled = self._policy.decide(question, passages, taught)
        return Decision(
            route=ruled.route,
            probabilities=ruled.probabilities,
            reason=ruled.reason,
            policy=served.name,
            features=ruled.features,
            forced=question.forced_route is not None,
        )

    def _outlook(
        self,
        served: InService,
        question: Question,
        passages: Sequence[Passage] | None,
        vector: Sequence[float] | None,
    ) -> tuple[InService, Outlook]:
        """What the prior in service says; where it cannot, the policy that comes with Tandem decides in its place."""
        try:
            return served, served.outlook(question, passages, vector)
        except PolicyBroken:
            self._tell(served.name, "it cannot decide, or the question could not be embedded")
            rules = InService()
            return rules, rules.outlook(question, passages, vector)

    def _tell(self, name: str, why: object) -> None:
        if name not in self._told:
            self._told.add(name)
            _LOG.error("the policy that comes with Tandem decides instead of %s: %s", name, why)

    def prefer_documents(self, decision: Decision) -> Decision:
        """Where memory and documents disagree on a doubtful question, what can be cited is given."""
        route = likelier_of_documents(decision.probabilities)
        reason = f"Memory and documents contradict each other. Without that: {decision.reason}"
        return replace(decision, route=route, reason=reason, features=without_contributions(decision.features))

    def explore(self, decision: Decision, *, seed: str) -> Decision:
        """The decision, or in the doubtful band, as often as the setting says, its second-best route."""
        if decision.forced:
            return decision
        choice = choose(
            decision.route,
            _rivals(decision.probabilities),
            band=self._settings.doubt_band,
            share=self._settings.explore,
            seed=seed,
        )
        tried = f"Tried as the second-best, to learn from it. Without that: {decision.reason}"
        return replace(
            decision,
            route=choice.route,
            propensity=choice.propensity,
            explored=choice.explored,
            reason=tried if choice.explored else decision.reason,
            features=without_contributions(decision.features) if choice.explored else decision.features,
        )

    def settle(self, chosen: Decision, found: Decision, findings: Findings) -> Decision:
        """What several searches came to. Features and propensity stay those by which the loop was chosen, but for what
        weighed most: that is of what the route was taken for.
        """  # noqa: D205
        weighed, chances = found, dict(found.probabilities)
        if found.route is Route.DIRECT and chosen.route is Route.MULTI:
            # What sent it to the documents still holds: more passages are no reason to answer from memory.
            weighed = chosen
        route = weighed.route
        if route in FROM_DOCUMENTS:
            route, other = FROM_DOCUMENTS if len(findings.steps) == 1 else FROM_DOCUMENTS[::-1]
            chances |= {route: sum(chances.get(each, 0.0) for each in FROM_DOCUMENTS), other: 0.0}
        return replace(
            found,
            route=route,
            probabilities=chances,
            reason=weighed.reason,
            features=with_contributions(chosen.features, weighed.contributions),
            propensity=chosen.propensity,
            explored=chosen.explored,
        )


def best(chances: Mapping[Route, float]) -> Route:
    """The likeliest route, the documents counted as one."""
    rivals = _rivals(chances)
    return max(rivals, key=lambda route: rivals[route])


def _rivals(chances: Mapping[Route, float]) -> dict[Route, float]:
    """Against the other routes the documents stand as one, under the likelier of their two arms."""
    documents = likelier_of_documents(chances)
    return {documents if route is Route.RETRIEVE else route: chance for route, chance in as_one(chances).items()}


def _with_several(odds: Mapping[Route, float], share: float) -> dict[Route, float]:
    """The policy knows one arm of documents: its odds are shared between one search and several."""
    documents = as_one(odds)[Route.RETRIEVE]
    return {**odds, Route.RETRIEVE: documents * (1 - share), Route.MULTI: documents * share}


def _contributions(
    route: Route, chances: Mapping[Route, float], odds: Mapping[Route, float], weighed: Weighed
) -> dict[str, float]:
    """What spoke for the route against the next best one, the documents counted as one; last, what feedback did."""
    now, before = as_one(chances), as_one(odds)
    own, rival = Route.RETRIEVE if route in FROM_DOCUMENTS else route, next_best(route, chances)
    ours, theirs = weighed.terms[own], weighed.terms[rival]
    told = {name: ours.get(name, 0.0) - theirs.get(name, 0.0) for name in dict.fromkeys([*ours, *theirs])}
    told["feedback"] = math.log(now[own] / now[rival]) - math.log(before[own] / before[rival])
    return {name: round(value, 4) for name, value in told.items()}


def _sum_to_one(chances: Mapping[Route, float]) -> dict[Route, float]:
    total = sum(chances.values())
    return {route: chance / total for route, chance in chances.items()}


def _reason(route: Route, decided: Weighed, *, leaves_open: bool) -> str:
    if route is decided.route:
        return decided.reason
    if route is Route.MULTI and decided.route is Route.RETRIEVE:
        return f"One search does not hold all that is asked for. {decided.reason}" if leaves_open else decided.reason
    return f"Feedback on earlier answers speaks for {_WAYS[route]}. Before that: {decided.reason}"
