"""What an OpenAI-compatible server writes, checked where it comes in."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from router.errors import ModelGarbled

_T = TypeVar("_T", bound=BaseModel)


class Delta(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    delta: Delta = Delta()
    finish_reason: str | None = None


class TokenCount(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Event(BaseModel):
    """One `data:` line of a streamed answer."""

    choices: list[Choice] = []
    usage: TokenCount | None = None
    error: dict[str, object] | str | None = None


class Alternative(BaseModel):
    token: str = ""
    logprob: float


class WeighedToken(Alternative):
    top_logprobs: list[Alternative] = []


class Logprobs(BaseModel):
    content: list[WeighedToken] | None = None


class WeighedChoice(BaseModel):
    message: Delta = Delta()
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class Weighed(BaseModel):
    """An answer that came at once, each of its tokens with its log-probability."""

    choices: list[WeighedChoice]
    usage: TokenCount | None = None


class ModelCard(BaseModel):
    id: str


class Models(BaseModel):
    data: list[ModelCard]


def read(kind: type[_T], text: str | bytes) -> _T:
    """Raises ModelGarbled when the text is not of this form."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise ModelGarbled from error
