"""Reads each passage by itself, and takes the surest answer.

A small model finds an answer more surely in one passage than among several; the passage it was read in is its source; and
how likely it finds any answer, rather than that there is none, can be compared between passages (arXiv 1710.10723).
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
# Without it no decline can be said.
_FIRST_WORD = DECLINE.split()[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is said of the best passage, number `n`; DECLINE where none holds the answer.

    `surety` is the log of how much likelier an answer is than a decline, in nats; `usage` is of all passages together.
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
    if sureties[best] >= least_surety and is_decline(answers[best].text):
        # Likeliest of all is a decline, but not by as much as it has to be.
        answers += await client.weighed_each(
            [prompts[best]], model=model, max_tokens=READ_TOKENS, nearest=_NEAREST, without=[_FIRST_WORD]
        )
        answer = answers[-1]
    else:
        answer = answers[best]
    declines = is_decline(answer.text) or sureties[best] < least_surety
    return Reading(
        n=best + 1,
        prompt=prompts[best],
        text=DECLINE if declines else citing(answer.text, best + 1),
        surety=sureties[best],
        finish="stop" if declines else answer.finish,
        elapsed_ms=sum(
            max(each.elapsed_ms for each in asked)
            for asked in (answers[: len(prompts)], answers[len(prompts) :])
            if asked
        ),
        usage=_together([each.usage for each in answers if each.usage]),
    )


def surety(answer: WeighedAnswer) -> float:
    """The log-odds of the likeliest beginning of an answer against a decline, in nats."""
    first = answer.tokens[0]
    others = [logprob for text, logprob in first.nearest.items() if not _begins(DECLINE, text)]
    shared, decline, parts = _decline(answer.tokens)
    # “The Normans” begins as a decline does, and parts from it.
    own = [shared] if parts else []
    return max([*others, *own], default=first.runner_up) - decline


def _decline(tokens: Sequence[Token]) -> tuple[float, float, bool]:
    """The log-probability of the answer up to where it parts from a decline, and of the decline; whether it does part.

    That of the decline is of its tokens as far as the answer goes with it, and of the one that goes on so.
    """
    ahead, total = DECLINE, 0.0
    for token in tokens:
        if not _begins(ahead, token.text):
            going_on = [logprob for text, logprob in token.nearest.items() if _begins(ahead, text)]
            return total + token.logprob, total + max(going_on, default=token.runner_up), True
        total += token.logprob
        ahead = ahead[len(token.text.lstrip() if ahead is DECLINE else token.text) :]
        if not ahead:
            break
    return total, total, False


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
