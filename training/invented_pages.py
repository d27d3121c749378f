"""Invented pages with questions: in the form of a team's own documents, and articles that nobody knows by heart."""

from importlib import resources

import yaml
from pydantic import BaseModel

from training.articles import Article, Asked, Paragraph


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
    folder = resources.files("training").joinpath("pages")
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name)
    raw = [page for file in files for page in yaml.safe_load(file.read_text("utf-8"))]
    return [_article(_Page.model_validate(page)) for page in raw]


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
