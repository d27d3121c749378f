"""Pages of invented workplaces with questions: the form of a team's own documents, which an encyclopaedia lacks."""

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
    raw = yaml.safe_load(resources.files("training").joinpath("invented_pages.yaml").read_text("utf-8"))
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
