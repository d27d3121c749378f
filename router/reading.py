"""Reads each passage by itself, and takes the surest answer.

A small model finds an answer more surely in one passage than among several; the passage it was read in is its source; and
how likely it finds an answer, rather than that there is none, can be compared between passages (arXiv 1710.10723).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from router.citations import citing, is_decline
from router.completions import Finish, Token, Usage, WeighedAnswer
from router.model import ModelClient
from router.prompts import DECLINE, ChatMessage

# Longer answers are begun so, and then asked for whole.
READ_TOKENS = 64
# As many as vLLM tells unless it is started otherwise.
_NEAREST = 20
# Tokens of an answer that tell how sure it is: a long answer is not less sure for its length.
_TELLING_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is said of the best passage, number `n`; DECLINE where none holds the answer.

    `surety` is the log of how much likelier the answer is than a decline, in nats; `usage` is of all passages together.
    """

    n: int
    prompt: list[ChatMessage]
    text: str
    surety: float
    finish: Finish
    elapsed_ms: float
    usage: Usage | None


async def read_apart(
    prompts: Sequence[list[ChatMessage]], client: ModelClient, *, model: str, least_surety: float
) -> Reading | None:
    """The best of the readings of `prompts`, of which each shows one passage, numbered from 1.

    None where the server tells no log-probabilities. Raises ModelError.
    """
    answers = await client.weighed_each(prompts, model=model, max_tokens=READ_TOKENS, nearest=_NEAREST)
    if not all(answer.tokens for answer in answers):
        return None
    sureties = [surety(answer) for answer in answers]
    best = max(range(len(answers)), key=sureties.__getitem__)
    answer = answers[best]
    declines = is_decline(answer.text) or sureties[best] < least_surety
    return Reading(
        n=best + 1,
        prompt=prompts[best],
        text=DECLINE if declines else citing(answer.text, best + 1),
        surety=sureties[best],
        finish="stop" if declines else answer.finish,
        elapsed_ms=max(each.elapsed_ms for each in answers),
        usage=_together([each.usage for each in answers if each.usage]),
    )


def surety(answer: WeighedAnswer) -> float:
    """The log-odds of the answer's beginning against a decline, in nats; minus infinity for a decline."""
    if is_decline(answer.text):
        return float("-inf")
    return sum(token.logprob for token in answer.tokens[:_TELLING_TOKENS]) - _decline_logprob(answer.tokens)


def _decline_logprob(tokens: Sequence[Token]) -> float:
    """At most how likely a decline was: the answer's own tokens as far as they are one, and then the one that goes on so."""
    ahead, total = DECLINE, 0.0
    for token in tokens:
        going_on = {text: logprob for text, logprob in token.nearest.items() if _begins(ahead, text)}
        if not _begins(ahead, token.text):
            return total + max(going_on.values(), default=token.runner_up)
        total += token.logprob
        ahead = ahead[len(token.text.lstrip() if ahead is DECLINE else token.text) :]
    return total


def _begins(ahead: str, token: str) -> bool:
    text = token.lstrip() if ahead is DECLINE else token
    return bool(text) and ahead.startswith(text)


def _together(counted: Sequence[Usage]) -> Usage | None:
    if not counted:
        return None
    return Usage(
        prompt_tokens=sum(each.prompt_tokens for each in counted),
        completion_tokens=sum(each.completion_tokens for each in counted),
    )
