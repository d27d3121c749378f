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
