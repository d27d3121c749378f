"""xquad-en: paragraphs of encyclopaedia articles with human questions and answer spans (CC BY-SA 4.0)."""

import json
from importlib import resources
from pathlib import Path

import yaml

from training.articles import Article, Asked, Paragraph
from training.errors import DataUnusable


def read_articles(data: Path) -> list[Article]:
    """All articles of `data`/xquad-en. Raises DataUnusable."""
    path = data / "xquad-en" / "xquad.en.json"
    try:
        raw = json.loads(path.read_text("utf-8"))["data"]
    except (OSError, ValueError, KeyError) as error:
        raise DataUnusable(f"{path} cannot be read: set TANDEM_DATA to the folder that holds xquad-en") from error
    return [
        Article(
            title=(title := article["title"].replace("_", " ")),
            paragraphs=tuple(
                Paragraph(
                    title=title,
                    text=paragraph["context"],
                    questions=tuple(
                        Asked(text=each["question"].strip(), golds=tuple(gold["text"] for gold in each["answers"]))
                        for each in paragraph["qas"]
                    ),
                )
                for paragraph in article["paragraphs"]
            ),
        )
        for article in raw
    ]


def held_out_titles() -> frozenset[str]:
    """Articles that no adapter of ours learns from; figures are taken on them alone."""
    listed = resources.files("training").joinpath("held_out_articles.yaml").read_text("utf-8")
    return frozenset(yaml.safe_load(listed))


def split(articles: list[Article]) -> tuple[list[Article], list[Article]]:
    """The articles to learn from, and the held-out ones."""
    held = held_out_titles()
    return [each for each in articles if each.title not in held], [each for each in articles if each.title in held]
