"""People's word on answers, read back from the rows of an export."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from router.validation import first_fault
from training.errors import DataUnusable, RowInvalid
from training.rows import Message

VOTES, PAIRS = "kto.jsonl", "dpo.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What people said of one answer: `should_say` is their correction, empty where they only voted."""

    exchange_id: str
    prompt: tuple[Message, ...]
    said: str
    should_say: str = ""
    is_liked: bool = False


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore")

    exchange_id: str
    prompt: list[Message] = Field(min_length=1)


class _Pair(_Asked):
    chosen: list[Message] = Field(min_length=1)
    rejected: list[Message] = Field(min_length=1)


class _Vote(_Asked):
    completion: list[Message] = Field(min_length=1)
    label: bool


_Row = TypeVar("_Row", bound=_Asked)


def read_judgements(folders: Sequence[Path]) -> list[Judgement]:
    """From the pairs and votes of each folder, an exchange once: the folder named last has the last word.

    Raises DataUnusable for a folder without them, RowInvalid (`file:line: why`) for a broken line.
    """
    found: dict[str, Judgement] = {}
    for folder in folders:
        # A correction is written as votes too: as a pair it says more.
        found.update({vote.exchange_id: vote for vote in _votes(folder)})
        found.update({pair.exchange_id: pair for pair in _pairs(folder)})
    return list(found.values())


def _votes(folder: Path) -> Iterator[Judgement]:
    for row in _rows(folder / VOTES, _Vote):
        said = row.completion[0].content
        yield Judgement(exchange_id=row.exchange_id, prompt=tuple(row.prompt), said=said, is_liked=row.label)


def _pairs(folder: Path) -> Iterator[Judgement]:
    for row in _rows(folder / PAIRS, _Pair):
        yield Judgement(
            exchange_id=row.exchange_id,
            prompt=tuple(row.prompt),
            said=row.rejected[0].content,
            should_say=row.chosen[0].content,
        )


def _rows(path: Path, kind: type[_Row]) -> Iterator[_Row]:
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataUnusable(f"{path} cannot be read: run tandem export") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield kind.model_validate_json(line)
        except ValidationError as error:
            raise RowInvalid(f"{path}:{number}: {first_fault(error, whole='the line')}") from error
