"""What a challenger and the champion are both asked, and what is known of a right answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from router.prompts import GROUNDED_SYSTEM, ChatMessage
from training.gate.judgements import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A prompt as it was really sent, with people's word on it.

    `wanted` is their correction, or an answer that they liked; `unwanted` one that they did not. `is_correction` tells
    a correction, `is_learnt` a case whose rows the challenger was trained on.
    """

    prompt: tuple[ChatMessage, ...]
    wanted: str = ""
    unwanted: str = ""
    is_correction: bool = False
    is_learnt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A general question. `right` is the number of the passage that holds the answer; None: it is asked without passages.

    `golds` is empty where the passages shown do not hold it, and the right answer is to say so.
    """

    prompt: tuple[ChatMessage, ...]
    golds: tuple[str, ...]
    right: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question whose answer holds a `secret` that the adapter must not have learnt."""

    prompt: tuple[ChatMessage, ...]
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    judged: Sequence[Judged]
    general: Sequence[Known]
    probes: Sequence[Probe] = ()


def judged_cases(
    held_out: Sequence[Judgement],
    learnt: Sequence[Judgement],
    *,
    champion: str,
    spoken_by: Mapping[str, str],
) -> list[Judged]:
    """The frozen holdout, and the corrections that the challenger was trained on.

    `spoken_by` names the adapter of an exchange ("" is the base model). An answer that people liked is held against
    nobody where the champion gave it, or where it is not known who did: the champion is not to be its own measure.
    """
    corrections = [_case(each, is_learnt=True) for each in learnt if each.should_say]
    own = {champion}
    return [*corrections, *(_case(each, is_learnt=False) for each in held_out if _is_fair(each, own, spoken_by))]


def is_grounded(prompt: Sequence[ChatMessage]) -> bool:
    return bool(prompt) and prompt[0]["content"] == GROUNDED_SYSTEM


def _is_fair(judgement: Judgement, own: Collection[str], spoken_by: Mapping[str, str]) -> bool:
    if judgement.should_say or not judgement.is_liked:
        return True
    return spoken_by.get(judgement.exchange_id) not in {None, *own}


def _case(judgement: Judgement, *, is_learnt: bool) -> Judged:
    prompt = tuple(ChatMessage(role=each.role, content=each.content) for each in judgement.prompt)
    if judgement.should_say:
        return Judged(
            prompt=prompt,
            wanted=judgement.should_say,
            unwanted=judgement.said,
            is_correction=True,
            is_learnt=is_learnt,
        )
    if judgement.is_liked:
        return Judged(prompt=prompt, wanted=judgement.said, is_learnt=is_learnt)
    return Judged(prompt=prompt, unwanted=judgement.said, is_learnt=is_learnt)
