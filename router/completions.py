"""What the model server says, in our own types: pieces of an answer, or a whole one with its log-probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from router.wire import TokenCount, Weighed, WeighedChoice, WeighedToken

Finish = Literal["stop", "length", "repetition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of an answer. `elapsed_ms` is the time since the request was sent.

    The last chunk may have no text; it carries why the answer ended and, where the server tells, the tokens used.
    """

    text: str
    elapsed_ms: float
    finish: Finish | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of an answer with its log-probability, and those of the tokens that came nearest to it, itself included."""

    text: str
    logprob: float
    nearest: Mapping[str, float]

    @property
    def runner_up(self) -> float:
        """The log-probability of the least likely of them."""
        return min([self.logprob, *self.nearest.values()])


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighedAnswer:
    """A greedy answer that came at once; no tokens where the server tells no log-probabilities."""

    text: str
    tokens: tuple[Token, ...]
    elapsed_ms: float
    finish: Finish = "stop"
    usage: Usage | None = None


def weighed_answer(answer: Weighed, *, elapsed_ms: float) -> WeighedAnswer:
    choice = answer.choices[0] if answer.choices else WeighedChoice()
    told = (choice.logprobs.content if choice.logprobs else None) or []
    return WeighedAnswer(
        text=choice.message.content or "",
        tokens=tuple(map(_token, told)),
        elapsed_ms=elapsed_ms,
        finish="length" if choice.finish_reason == "length" else "stop",
        usage=_usage(answer.usage) if answer.usage else None,
    )


def _token(told: WeighedToken) -> Token:
    # Two tokens may read the same once they are text: the likelier one, which comes first, stays.
    nearest = {each.token: each.logprob for each in reversed(told.top_logprobs)}
    return Token(text=told.token, logprob=told.logprob, nearest=nearest)


def _usage(counted: TokenCount) -> Usage:
    return Usage(prompt_tokens=counted.prompt_tokens, completion_tokens=counted.completion_tokens)
