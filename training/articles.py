"""Articles with questions: what grounded rows are built from, and grounded answers are measured on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its gold answers, spans of its paragraph; `after` is the message of the thread it refers to."""

    text: str
    golds: tuple[str, ...]
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph under its article's title; it is a passage as router.prompts wants one.

    `document_id` is of the team's document that it is taken from.
    """

    title: str
    text: str
    questions: tuple[Asked, ...]
    document_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    title: str
    paragraphs: tuple[Paragraph, ...]
