"""Training data: rows of prompt and completion, one JSON object a line (TRL's conversational form)."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from training.errors import DataUnusable, RowInvalid


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class Row(BaseModel):
    """What the model is shown and what it should say. Other keys of a row (its source, say) are left alone, but for the label of a row to avoid."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: list[Message] = Field(min_length=1)
    completion: list[Message] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _is_to_be_imitated(cls, row: Any) -> Any:
        if isinstance(row, dict) and row.get("label") is False:  # pyright: ignore[reportUnknownMemberType] - any JSON
            raise ValueError("label: false marks an answer to avoid, and training imitates: give it sft.jsonl")
        return row  # pyright: ignore[reportUnknownVariableType] - any JSON


def read_rows(path: Path) -> list[Row]:
    """Raises DataUnusable when there is nothing to read, RowInvalid (`file:line: why`) for a broken line."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataUnusable(f"The data {path} cannot be read: {error}") from error
    rows = [_parse(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise DataUnusable(f"The data {path} holds no rows")
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows), "utf-8")


def data_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _parse(line: str, path: Path, number: int) -> Row:
    try:
        return Row.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the line"
        raise RowInvalid(f"{path}:{number}: {field}: {first['msg']}") from error
