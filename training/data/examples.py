"""What one exchange teaches, after all that people said about it; or the reason why it teaches nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.decisions import FROM_DOCUMENTS, Route
from router.exchanges import Exchange
from router.feedback import Feedback, FinalFeedback, fold
from router.prompts import ChatMessage, direct_prompt
from training.data.corrections import Verdict
from training.data.reasons import Reason

_SEARCHED = frozenset({*FROM_DOCUMENTS, Route.ABSTAIN})

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What is learnt from one exchange.

    `prompt` is the one that was sent, passages included; of a correction where none was sent, the one that asks without
    passages. `should_say` is a correction, empty where only votes were cast; `label` is whether what was said was right.
    `people` are those whose word that is, `agreement` (0 to 1] how much of one mind all who spoke were.
    """

    exchange_id: str
    prompt: tuple[Message, ...]
    said: str
    should_say: str
    label: bool
    people: frozenset[str]
    agreement: float

    @property
    def taught(self) -> str:
        """The text that the row is about."""
        return self.should_say or self.said


def example_of(exchange: Exchange, events: Sequence[Feedback], verdicts: Mapping[str, Verdict]) -> Example | Reason:
    """`verdicts` holds what reviewers said of corrections, by feedback id."""
    hidden = _hidden(exchange)
    if hidden:
        return hidden
    # A correction that a reviewer rejects is no vote against the answer either.
    events = [event for event in events if verdicts.get(event.feedback_id) != "rejected"]
    final = fold(events)
    should_say = final.correction.strip()
    reason = _unsaid(final) or (_unlearnt(events, should_say, verdicts) if should_say else _elsewhere(exchange, final))
    if reason:
        return reason
    prompt, said = _sent(exchange) if not should_say or exchange.prompt else _not_sent(exchange)
    if not prompt:
        return "no_prompt"
    if not said and not should_say:
        return "no_completion"
    return Example(
        exchange_id=exchange.exchange_id,
        prompt=tuple({"role": _clean(each["role"]), "content": _clean(each["content"])} for each in prompt),
        said=_clean(said),
        should_say=_clean(should_say),
        label=bool(final.label) and not should_say,
        people=_people(events, final),
        # A correction was reviewed by one person for all.
        agreement=1.0 if should_say else abs(final.ups - final.downs) / (final.ups + final.downs),
    )


def _sent(exchange: Exchange) -> tuple[Sequence[ChatMessage], str]:
    return exchange.prompt, exchange.completion.strip()


def _not_sent(exchange: Exchange) -> tuple[Sequence[ChatMessage], str]:
    """Where no model was asked, as when the documents hold nothing: how it is asked from now on, and what people read."""
    return direct_prompt(exchange.question, exchange.thread), exchange.answer.strip()


def _hidden(exchange: Exchange) -> Reason | None:
    """What not everybody may read, and what the terms of Slack's API keep from models."""
    if not exchange.is_public:
        return "not_public"
    if any(turn.overheard for turn in exchange.thread):
        return "overheard"
    return "overheard_passage" if any(shown.overheard for shown in exchange.passages) else None


def _unsaid(final: FinalFeedback) -> Reason | None:
    # One person's correction does not overrule those who liked what it corrects.
    if final.label is None or (final.correction and final.label):
        return "divided_feedback" if final.ups else "no_feedback"
    return None


def _unlearnt(events: Sequence[Feedback], should_say: str, verdicts: Mapping[str, Verdict]) -> Reason | None:
    """A reviewer's word holds for a text, whoever wrote it."""
    words = {verdicts.get(event.feedback_id) for event in events if event.correction.strip() == should_say}
    if "know_how" in words:
        return None
    return "correction_is_fact" if "fact" in words else "correction_waits"


def _elsewhere(exchange: Exchange, final: FinalFeedback) -> Reason | None:
    """A bad answer is not the model's fault where the wrong road was taken, or the right passage was not found."""
    if final.label:
        return None
    if exchange.decision.route in _SEARCHED:
        found = any(step.is_enough for step in exchange.searches)
        if "sources" in final.what_was_wrong or (exchange.searches and not found):
            return "poor_retrieval"
    return "wrong_route" if final.what_was_wrong == ("route",) else None


def _people(events: Sequence[Feedback], final: FinalFeedback) -> frozenset[str]:
    if final.correction:
        return frozenset(event.person for event in events if event.correction == final.correction)
    said = {person: fold(event for event in events if event.person == person) for person in _speakers(events)}
    return frozenset(person for person, theirs in said.items() if theirs.label is final.label)


def _speakers(events: Sequence[Feedback]) -> set[str]:
    return {event.person for event in events}


def _clean(text: str) -> str:
    """Half of a surrogate pair is no text: neither Parquet nor another program's JSON takes it."""
    return text.encode("utf-8", "replace").decode()
