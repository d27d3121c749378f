"""Training data: one JSON object a line, in TRL's conversational forms for SFT, DPO and KTO."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from router.prompts import ChatMessage
from router.validation import first_fault
from training.errors import DataUnusable, RowInvalid


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class Row(BaseModel):
    """What the model is shown and what it should say. Other keys of a row are left alone, but for the label of a row to avoid.

    `exchange_id` says which exchange it comes from, as an export does. It is read, and not written: no model sees it.
    `shown_documents` are ids of the team's documents that are shown in a row of no exchange; not written either.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: list[Message] = Field(min_length=1)
    completion: list[Message] = Field(min_length=1)
    exchange_id: str = Field(default="", exclude=True)
    shown_documents: tuple[str, ...] = Field(default=(), exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _is_to_be_imitated(cls, row: Any) -> Any:
        if isinstance(row, dict) and row.get("label") is False:  # pyright: ignore[reportUnknownMemberType] - any JSON
            raise ValueError("label: false marks an answer to avoid, and training imitates: give it sft.jsonl")
        return row  # pyright: ignore[reportUnknownVariableType] - any JSON


def as_messages(prompt: Sequence[ChatMessage]) -> list[Message]:
    return [Message.model_validate(message) for message in prompt]


def row_of(prompt: Sequence[ChatMessage], answer: str) -> Row:
    """A row that teaches to give this answer to a prompt."""
    return Row(prompt=as_messages(prompt), completion=[Message(role="assistant", content=answer)])


class PreferenceRow(BaseModel):
    """Two answers to one prompt, of which one is better. `exchange_id` is as a row's."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: list[Message] = Field(min_length=1)
    chosen: list[Message] = Field(min_length=1)
    rejected: list[Message] = Field(min_length=1)
    exchange_id: str = Field(default="", exclude=True)


class RatedRow(BaseModel):
    """An answer, and whether it was liked."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: list[Message] = Field(min_length=1)
    completion: list[Message] = Field(min_length=1)
    label: bool


AnyRow = TypeVar("AnyRow", bound=Row | PreferenceRow | RatedRow)


def read_rows(path: Path, form: type[AnyRow] = Row) -> list[AnyRow]:
    """Raises DataUnusable when there is nothing to read, RowInvalid (`file:line: why`) for a broken line."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise DataUnusable(f"The data {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataUnusable(f"The data {path} cannot be read: {error}") from error
    rows = [_parse(line, form, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise DataUnusable(f"The data {path} holds no rows")
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows), "utf-8")


def data_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _parse(line: str, form: type[AnyRow], path: Path, number: int) -> AnyRow:
    try:
        return form.model_validate_json(line)
    except ValidationError as error:
        raise RowInvalid(f"{path}:{number}: {first_fault(error, whole='the line')}") from error
