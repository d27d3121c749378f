"""An answer in the making: what is known so far, until it becomes an Answer and an Exchange."""

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from knowledge.documents import Passage
from router.answers import Answer, Released, Source
from router.decisions import FROM_DOCUMENTS, Decision, Route, without_contributions
from router.evidence import Findings
from router.exchanges import Exchange, shown
from router.guessing import Guess
from router.know_how import NO_KNOW_HOW, Nearest
from router.model import Usage
from router.prompts import DECLINE, ChatMessage
from router.questions import Question
from router.releases import Release

# A declined question keeps this share of the documents' probability; the rest is what the model's word is worth.
_HELD_LEFT = 0.15
UNDECIDED = Decision(
    route=Route.RETRIEVE,
    probabilities={route: float(route is Route.RETRIEVE) for route in Route},
    reason="The policy could not decide, so the documents were asked.",
)


@dataclass(slots=True, kw_only=True)
class Draft:
    question: Question
    exchange_id: str
    is_certain: bool = False
    decision: Decision = UNDECIDED
    findings: Findings = field(default_factory=Findings)
    sources_are_down: bool = False
    guess: Guess | None = None
    taught: Nearest = NO_KNOW_HOW
    vector: list[float] | None = None
    prompt: list[ChatMessage] = field(default_factory=list[ChatMessage])
    passages: tuple[Passage, ...] = ()
    read_chars: int | None = None
    pieces: list[str] = field(default_factory=list[str])
    completion: str = ""
    sources: tuple[Source, ...] = ()
    removed: int = 0
    model: str = ""
    adapter: str = ""
    in_service: Release | None = None
    usage: Usage | None = None
    model_ms: float = 0.0
    timings_ms: dict[str, float] = field(default_factory=dict[str, float])
    started: float = field(default_factory=time.perf_counter)
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def adapter_at(self) -> datetime | None:
        return self.in_service.promoted_at if self.in_service and self.adapter else None

    def release(self, text: str) -> Released:
        """Text for the person; what starts an answer does not start with space."""
        if not self.pieces:
            text = text.lstrip()
            self.clock("first_sentence")
            self.timings_ms["model_first_sentence"] = round(self.model_ms, 3)
        self.pieces.append(text)
        return Released(text=text)

    def note(self, text: str) -> Released:
        """A paragraph of ours under the answer."""
        return self.release(text if not self.pieces or self.pieces[-1].endswith("\n\n") else f"\n\n{text}")

    def clock(self, stage: str) -> None:
        self.timings_ms[stage] = round((time.perf_counter() - self.started) * 1000, 3)

    def decline(self) -> None:
        """The passages do not hold the answer: the route taken is now abstain, whatever was likely before."""
        chances = dict(self.decision.probabilities)
        for route in FROM_DOCUMENTS:
            held = chances.get(route, 0.0)
            chances[route] = held * _HELD_LEFT
            chances[Route.ABSTAIN] = chances.get(Route.ABSTAIN, 0.0) + held * (1 - _HELD_LEFT)
        reason = f"The passages found do not hold the answer. Before that: {self.decision.reason}"
        features = without_contributions(self.decision.features)
        self.decision = replace(
            self.decision, route=Route.ABSTAIN, probabilities=chances, reason=reason, features=features
        )
        self.completion = DECLINE

    def answer(self) -> Answer:
        return Answer(
            exchange_id=self.exchange_id,
            text="".join(self.pieces),
            decision=self.decision,
            sources=self.sources,
            model=self.model,
            adapter_at=self.adapter_at,
            timings_ms=dict(self.timings_ms),
            removed_citations=self.removed,
        )

    def exchange(self) -> Exchange:
        usage = self.usage
        return Exchange(
            exchange_id=self.exchange_id,
            asked_at=self.asked_at,
            team=self.question.team,
            channel=self.question.channel,
            asker=self.question.asker,
            scopes=self.question.audience.scopes,
            question=self.question.text,
            thread=self.question.thread,
            thread_id=self.question.thread_id,
            prompt=tuple(self.prompt),
            passages=tuple(shown(passage) for passage in self.passages),
            searches=self.findings.steps,
            decision=self.decision,
            answer="".join(self.pieces),
            completion=self.completion,
            sources=self.sources,
            removed_citations=self.removed,
            model=self.model,
            adapter=self.adapter,
            adapter_at=self.adapter_at,
            usage={"prompt": usage.prompt_tokens, "completion": usage.completion_tokens} if usage else {},
            timings_ms=dict(self.timings_ms),
        )
