"""Questions with what is known of them, to fit a policy on and to measure it by: JSONL, one object a line.

question       the text; the one field that no line may lack
acc, em        per arm (`none`, `single`, `multi`) whether its answer was right: `acc` that it held the gold, `em` that
               it was nothing else; `acc` counts where both are there
label          what kind of question it is, in data without arms; `oos` is what fits none of the others
dataset        where the question is from: figures within each set are given too
thread         earlier messages, oldest first: {"speaker": "user" or "assistant", "text": …}
passages       what a search found, best first: {"title": …, "text": …, "similarity": …, "document": …}
conversation   questions of one conversation never stand on both sides of a split

A file is of one kind: either all lines tell of arms, or all have a label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from knowledge.audience import EVERYONE, PUBLIC
from knowledge.documents import Passage
from router.errors import ExamplesUnreadable
from router.questions import Question, Turn

OUT_OF_SCOPE = "oos"


class Arm(StrEnum):
    """The ways to answer that data sets compare: from the weights, after one search, after several."""

    NONE = "none"
    SINGLE = "single"
    MULTI = "multi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """`right` holds the arms that were tried; it is empty where the label is there. `passages` is None where the
    documents were not searched.
    """  # noqa: D205

    question: Question
    passages: Sequence[Passage] | None = None
    right: Mapping[Arm, bool]
    label: str = ""
    dataset: str = ""
    conversation: str = ""


class _Turn(BaseModel):
    speaker: Literal["user", "assistant"]
    text: str


class _Passage(BaseModel):
    text: str
    title: str = ""
    document: str = ""
    similarity: float = Field(default=0.0, ge=-1, le=1)
    score: float = 0.0


class _Row(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    question: str = Field(min_length=1)
    acc: dict[str, bool | None] | None = None
    em: dict[str, bool | None] | None = None
    label: str | None = None
    dataset: str | None = None
    thread: list[_Turn] | None = None
    passages: list[_Passage] | None = None
    conversation: str | None = None


def read_examples(file: Path) -> list[Example]:
    """Raises ExamplesUnreadable, which names the file and the line."""
    examples: list[Example] = []
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    examples.append(_example(f"{file}, line {number}", line))
                    _check_kind(f"{file}, line {number}", examples)
    except FileNotFoundError as error:
        raise ExamplesUnreadable(f"There is no {file}") from error
    except OSError as error:
        raise ExamplesUnreadable(f"{file} cannot be read: {error.strerror}") from error
    if not examples:
        raise ExamplesUnreadable(f"{file} is empty")
    return examples


def _example(where: str, line: bytes) -> Example:
    try:
        row = _Row.model_validate_json(line)
    except ValidationError as error:
        raise ExamplesUnreadable(f"{where}: {_first_fault(error)}") from error
    right = _right(row)
    if not right and not row.label:
        raise ExamplesUnreadable(
            f"{where}: neither a label nor “acc” or “em” with one of {', '.join(Arm)} stands beside the question"
        )
    return Example(
        question=Question(
            text=row.question,
            audience=EVERYONE,
            asker="",
            thread=tuple(Turn(speaker=turn.speaker, text=turn.text) for turn in row.thread or ()),
        ),
        passages=None if row.passages is None else [_passage(found) for found in row.passages],
        right=right,
        label="" if right else row.label or "",
        dataset=row.dataset or "",
        conversation=row.conversation or "",
    )


def _right(row: _Row) -> dict[Arm, bool]:
    tried = row.acc or row.em or {}
    return {arm: is_right for arm in Arm if (is_right := tried.get(arm)) is not None}


def _passage(found: _Passage) -> Passage:
    return Passage(
        chunk_id="",
        document_id=found.document or found.title,
        title=found.title,
        uri=found.document,
        section="",
        text=found.text,
        scope=PUBLIC,
        content_hash="",
        score=found.score,
        similarity=found.similarity,
    )


def _check_kind(where: str, examples: Sequence[Example]) -> None:
    if bool(examples[-1].right) != bool(examples[0].right):
        told = "arms" if examples[-1].right else "a label"
        raise ExamplesUnreadable(f"{where}: this line tells of {told}, the first one does not")


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    if fault["type"] == "json_invalid":
        return "this is no JSON object"
    place = ".".join(map(str, fault["loc"]))
    return f"“{place}”: {fault['msg'][:1].lower()}{fault['msg'][1:]}" if place else "this is no JSON object"
