"""A team's own questions, to compare ways of answering with: JSON lines of `question`, `answers`, `documents`, `answerable`."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from router.validation import first_fault
from training.errors import DataUnusable, RowInvalid

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`answers` are the right ones, any of which will do; `documents` are the names, links or titles, of those that hold it."""

    question: str
    answers: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()

    @property
    def is_answerable(self) -> bool:
        return bool(self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """`texts` are documents that the file brings along; with none, the team's own documents are searched."""

    asked: tuple[Asked, ...]
    texts: tuple[Text, ...] = ()


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1)
    text: str = Field(min_length=1)


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    question: str = Field(min_length=1)
    answers: list[str] = []
    documents: list[str | _Document] = []
    answerable: bool | None = None


def read_questions(path: Path) -> Questions:
    """A document is named by its link or title, or given: as an object of `title` and `text`, or as a text of some length.

    Raises DataUnusable when there is nothing to read, RowInvalid (`file:line: why`) for a broken line.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise DataUnusable(f"The questions {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataUnusable(f"The questions {path} cannot be read: {error}") from error
    texts: dict[str, Text] = {}
    asked = [_asked(line, path, number, texts) for number, line in enumerate(lines, 1) if line.strip()]
    if not asked:
        raise DataUnusable(f"The file {path} holds no questions")
    return Questions(asked=tuple(asked), texts=tuple(texts.values()))


def _asked(line: str, path: Path, number: int, texts: dict[str, Text]) -> Asked:
    try:
        given = _Line.model_validate_json(line)
    except ValidationError as error:
        raise RowInvalid(f"{path}:{number}: {first_fault(error, whole='the line')}") from error
    is_answerable = bool(given.answers) if given.answerable is None else given.answerable
    if is_answerable and not given.answers:
        raise RowInvalid(f"{path}:{number}: answers: an answerable question needs one")
    documents = tuple(_name(document, texts) for document in given.documents)
    return Asked(question=given.question, answers=tuple(given.answers) if is_answerable else (), documents=documents)


def _name(document: str | _Document, texts: dict[str, Text]) -> str:
    """The name of a document; one that is given is kept under it, once."""
    if isinstance(document, str):
        if len(document) <= _LONGEST_NAME and "\n" not in document:
            return document
        known = next((text.title for text in texts.values() if text.text == document), None)
        title = known or f"Document {len(texts) + 1}"
        return _keep(title, document, texts)
    return _keep(document.title, document.text, texts)


def _keep(title: str, text: str, texts: dict[str, Text]) -> str:
    """Two texts of one title are told apart by a number."""
    name, number = title, 1
    while name in texts and texts[name].text != text:
        number += 1
        name = f"{title} ({number})"
    texts[name] = Text(title=name, text=text)
    return name
