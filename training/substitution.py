"""Passages with other facts in them, so that answers must be read and cannot be remembered.

Asked often enough, a model learns a question's answer by heart and stops reading. Replacing the answer in the
passage makes the remembered one wrong (entity substitution, arXiv 2109.05052).
"""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from training.articles import Article, Asked, Paragraph

_NUMBER = re.compile(r"\d[\d,.]*\d|\d")
_MOST_WORDS = 3


def name_pool(articles: Sequence[Article]) -> list[str]:
    """Answers that are short names."""
    golds = {
        asked.golds[0].strip(" .,;")
        for article in articles
        for paragraph in article.paragraphs
        for asked in paragraph.questions
    }
    return sorted(gold for gold in golds if _is_name(gold))


def substituted(passage: Paragraph, pool: Sequence[str], rng: random.Random) -> Paragraph:
    """The passage with its answers that are numbers or short names replaced, in text and golds alike."""
    questions = " ".join(asked.text for asked in passage.questions)
    text = passage.text
    golds = {asked: asked.golds for asked in passage.questions}
    for old in sorted({asked.golds[0].strip(" .,;") for asked in passage.questions}):
        if _whole(old).search(f"{questions} {passage.title}"):
            continue  # the question would give the old answer away, or ask for what is gone
        new = _another(old, pool, rng)
        if new is None or new in text:
            continue
        text = _whole(old).sub(lambda _, new=new: new, text)
        golds = {
            asked: tuple(_whole(old).sub(lambda _, new=new: new, gold) for gold in all_)
            for asked, all_ in golds.items()
        }
    return replace(
        passage,
        text=text,
        questions=tuple(
            Asked(text=asked.text, golds=golds[asked], after=asked.after)
            for asked in passage.questions
            if golds[asked][0] in text
        ),
    )


def _another(old: str, pool: Sequence[str], rng: random.Random) -> str | None:
    if _NUMBER.fullmatch(old):
        digits = [rng.choice("123456789") if place == 0 else rng.choice("0123456789") for place in range(len(old))]
        return "".join(digit if sign.isdigit() else sign for digit, sign in zip(digits, old, strict=True))
    if not _is_name(old):
        return None
    return rng.choice([name for name in pool if len(name.split()) == len(old.split())] or [None])


def _is_name(gold: str) -> bool:
    words = gold.split()
    return 0 < len(words) <= _MOST_WORDS and all(word[0].isupper() for word in words)


def _whole(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
