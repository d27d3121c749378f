"""Invented pages with questions: in the form of a team's own documents, and articles that nobody knows by heart."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import yaml
from pydantic import BaseModel

from training.articles import Article, Asked, Paragraph

_HELD_OUT = ("sports.yaml",)


class _Ask(BaseModel):
    q: str
    a: str
    after: str = ""


class _Section(BaseModel):
    text: str
    asks: list[_Ask]


class _Page(BaseModel):
    title: str
    sections: list[_Section]


def invented_pages() -> list[Article]:
    """Those to learn from."""
    names = sorted(each.name for each in _folder().iterdir() if each.name.endswith(".yaml"))
    return [article for name in names if name not in _HELD_OUT for article in _read(name)]


def held_out_pages() -> list[Article]:
    """Those that no adapter of ours learns from: what a new one may not forget is measured on them."""
    return [article for name in _HELD_OUT for article in _read(name)]


def _folder() -> Traversable:
    return resources.files("training").joinpath("pages")


@cache
def _read(name: str) -> tuple[Article, ...]:
    raw = yaml.safe_load(_folder().joinpath(name).read_text("utf-8"))
    return tuple(_article(_Page.model_validate(page)) for page in raw)


def _article(page: _Page) -> Article:
    return Article(
        title=page.title,
        paragraphs=tuple(
            Paragraph(
                title=page.title,
                text=section.text,
                questions=tuple(Asked(text=ask.q, golds=(ask.a,), after=ask.after) for ask in section.asks),
            )
            for section in page.sections
        ),
    )
