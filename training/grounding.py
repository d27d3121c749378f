"""Rows that teach grounded answering: `python -m training.grounding --data DIR --out FILE`.

RAFT (arXiv 2403.10131) in its short form: right and distracting passages in shuffled order, a short answer
with its passage's number, and rows whose passages do not hold the answer and that decline.
"""

import argparse
import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from router.prompts import DECLINE, grounded_prompt
from router.questions import Turn
from router.words import content_words
from training.articles import Article, Asked, Paragraph
from training.embedded_model import EMBEDDED_MODEL
from training.errors import TrainingError
from training.invented_pages import invented_pages
from training.replay import replay_prompts, replay_rows
from training.rows import Row, row_of, write_rows
from training.xquad import read_articles, split

# How many passages a prompt holds, and how often: the router mostly sends three.
_PASSAGES = {1: 0.1, 2: 0.3, 3: 0.5, 4: 0.07, 5: 0.03}
# How many of them are of the same article as the right one: neighbours are what a search confuses.
_NEIGHBOURS = (0, 1, 1, 2)
_EARLIER_TURN_SHARE = 0.15
_RESHAPED_SHARE = 0.15
# Declining rows for each answering one: more of them decline more, rightly and wrongly.
_DECLINING_SHARE = 0.07
# The same where one passage is shown: what an adapter reads apart it is to refuse as readily as to answer from.
_DECLINING_APART = 0.4
_NUMBERS_APART = (1, 1, 2, 2, 3, 3, 4, 5)
# Of those rows so many: it takes few to turn an adapter that reads several passages into one that reads them apart.
_ARTICLES_APART, _INVENTED_APART = 0.35, 0.1
# Of a question's words, beyond which a passage that holds them may answer it.
_SPEAKING_SHARE = 1 / 3


def grounded_rows(articles: Sequence[Article], *, seed: int = 0) -> Iterator[Row]:
    """A row for every question of the articles, each among other passages, and some that decline.

    The same passages are never asked twice: what a model sees often, it learns by heart instead of reading.
    """
    rng = random.Random(seed)  # noqa: S311 - a mixture, not a secret
    for subject in articles:
        others = [each for each in articles if each is not subject]
        for paragraph in subject.paragraphs:
            for asked in paragraph.questions:
                yield _answering(asked, paragraph, subject, others, rng)
                if rng.random() < _DECLINING_SHARE:
                    yield from _declining(asked, paragraph, subject, others, rng)


def apart_rows(articles: Sequence[Article], *, seed: int = 0) -> Iterator[Row]:
    """Rows that show one passage, as the router reads them apart: the right one for every question, and for many of them
    another one of the same article, from which it declines.
    """  # noqa: D205
    rng = random.Random(seed)  # noqa: S311 - a mixture, not a secret
    for subject in articles:
        for paragraph in subject.paragraphs:
            for asked in paragraph.questions:
                n, thread = rng.choice(_NUMBERS_APART), _thread(asked, subject, rng)
                right = _perhaps_reshaped(paragraph, asked, rng)
                yield row(asked.text, [right], citing_answer(asked.golds[0], n), thread, first=n)
                siblings = _siblings(asked, paragraph, subject)
                if siblings and rng.random() < _DECLINING_APART:
                    yield row(asked.text, [rng.choice(siblings)], DECLINE, thread, first=rng.choice(_NUMBERS_APART))


def citing_answer(gold: str, n: int) -> str:
    """The one form of a grounded answer is `308 [2].`: it is one sentence, and its citation is inside."""
    return f"{gold.strip().rstrip('.,;:')} [{n}]."


def row(
    question: str, passages: Sequence[Paragraph], answer: str, thread: Sequence[Turn] = (), *, first: int = 1
) -> Row:
    """`first` is the number of the first passage."""
    shown = dict.fromkeys(each.document_id for each in passages if each.document_id)
    prompt = grounded_prompt(question, passages, thread, first=first)
    return row_of(prompt, answer).model_copy(update={"shown_documents": tuple(shown)})


def unanswered_rows(articles: Sequence[Article], strangers: Sequence[Paragraph], *, seed: int = 0) -> Iterator[Row]:
    """Questions on the articles among strangers' passages alone, from which they decline.

    A passage that speaks of what is asked is not shown: it may hold another answer, or the same in other words.
    """
    rng = random.Random(seed)  # noqa: S311 - a mixture, not a secret
    asking = [(each, asked) for each in articles for paragraph in each.paragraphs for asked in paragraph.questions]
    for subject, asked in rng.sample(asking, len(asking)):
        shown = rng.sample(strangers, min(len(strangers), _size(rng)))
        if not any(_holds(each, asked) or _speaks_of(each, asked) for each in shown):
            yield row(asked.text, shown, DECLINE, _thread(asked, subject, rng))


def _answering(
    asked: Asked, paragraph: Paragraph, subject: Article, others: Sequence[Article], rng: random.Random
) -> Row:
    right = _perhaps_reshaped(paragraph, asked, rng)
    shown = [right, *_around(paragraph, subject, others, rng)]
    rng.shuffle(shown)
    return row(asked.text, shown, citing_answer(asked.golds[0], shown.index(right) + 1), _thread(asked, subject, rng))


def _declining(
    asked: Asked, paragraph: Paragraph, subject: Article, others: Sequence[Article], rng: random.Random
) -> Iterator[Row]:
    """A row whose passages do not hold the answer, if there are such: one of them is of the same article."""
    siblings = _siblings(asked, paragraph, subject)
    if not siblings:
        return
    around = _around(paragraph, subject, others, rng)
    shown = [rng.choice(siblings), *(each for each in around if each not in subject.paragraphs)]
    if not any(_holds(each, asked) for each in shown):
        rng.shuffle(shown)
        yield row(asked.text, shown, DECLINE, _thread(asked, subject, rng))


def _siblings(asked: Asked, paragraph: Paragraph, subject: Article) -> list[Paragraph]:
    """The other passages of the article that do not hold the answer."""
    return [each for each in subject.paragraphs if each is not paragraph and not _holds(each, asked)]


def _around(paragraph: Paragraph, subject: Article, others: Sequence[Article], rng: random.Random) -> list[Paragraph]:
    """The other passages of a prompt: neighbours and strangers."""
    size = _size(rng)
    neighbours = [each for each in subject.paragraphs if each is not paragraph]
    near = rng.sample(neighbours, min(len(neighbours), size - 1, rng.choice(_NEIGHBOURS)))
    strangers = rng.sample(others, min(len(others), size - 1 - len(near)))
    return [*near, *(rng.choice(each.paragraphs) for each in strangers)]


def _size(rng: random.Random) -> int:
    """How many passages a prompt holds."""
    return rng.choices(list(_PASSAGES), list(_PASSAGES.values()))[0]


def _holds(passage: Paragraph, asked: Asked) -> bool:
    """Whether an answer to a question on another passage stands in this one too."""
    return any(re.search(rf"(?<!\w){re.escape(gold)}(?!\w)", passage.text, re.IGNORECASE) for gold in asked.golds)


def _speaks_of(passage: Paragraph, asked: Asked) -> bool:
    """Whether many of the question's words stand in it."""
    telling = set(content_words(f"{asked.after}\n{asked.text}"))
    shared = telling.intersection(content_words(f"{passage.title}\n{passage.text}"))
    return len(shared) > len(telling) * _SPEAKING_SHARE


def _perhaps_reshaped(paragraph: Paragraph, asked: Asked, rng: random.Random) -> Paragraph:
    right = _reshaped(paragraph, rng) if rng.random() < _RESHAPED_SHARE and "\n" not in paragraph.text else paragraph
    return right if asked in right.questions else paragraph


def _reshaped(passage: Paragraph, rng: random.Random) -> Paragraph:
    """The passage as a chunk of a document may look: an excerpt, with a heading or as a list.

    Questions whose answer fell away go with it.
    """
    sentences = passage.text.replace("? ", "?\n").replace(". ", ".\n").split("\n")
    start = rng.randrange(max(1, len(sentences) - 2))
    kept = sentences[start : start + rng.randint(2, max(2, len(sentences)))]
    text = rng.choice(
        [
            " ".join(kept),
            f"## {passage.title}\n\n" + " ".join(kept),
            "\n".join(f"- {sentence}" for sentence in kept),
            f"# {passage.title}\n\n" + "\n\n".join(kept),
        ]
    )
    return replace(
        passage,
        text=text,
        questions=tuple(
            each for each in passage.questions if each.golds[0] in text and passage.text.count(each.golds[0]) == 1
        ),
    )


def _thread(asked: Asked, subject: Article, rng: random.Random) -> tuple[Turn, ...]:
    if asked.after:
        return (Turn(speaker="user", text=asked.after),)
    if rng.random() >= _EARLIER_TURN_SHARE:
        return ()
    earlier = rng.choice([each for each in rng.choice(subject.paragraphs).questions if each is not asked] or [asked])
    return (Turn(speaker="user", text=earlier.text),)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the rows that the grounding adapter is trained on.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TANDEM_DATA", "../shared/data")))
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument("--models", type=Path, default=Path(".tandem/model"), help="folder of unpacked base models")
    parser.add_argument("--seed", type=int, default=0, help="of the passages around each question")
    parser.add_argument("--apart", action="store_true", help="only rows that show one passage, as they are read apart")
    given = parser.parse_args()
    try:
        rows = list(
            _rows_apart(given.data, given.seed) if given.apart else _all_rows(given.data, given.models, given.seed)
        )
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    write_rows(given.out, rows)
    declining = sum(row.completion[0].content == DECLINE for row in rows)
    sys.stdout.write(f"{len(rows)} rows, {declining} of them declining, written to {given.out}\n")
    return 0


def _rows_apart(data: Path, seed: int) -> Iterator[Row]:
    rng = random.Random(seed)  # noqa: S311 - a mixture, not a secret
    learnt, _ = split(read_articles(data))
    for articles, share in ((learnt, _ARTICLES_APART), (invented_pages(), _INVENTED_APART)):
        yield from (each for each in apart_rows(articles, seed=seed) if rng.random() < share)


def _all_rows(data: Path, models: Path, seed: int) -> Iterator[Row]:
    learnt, _ = split(read_articles(data))
    yield from grounded_rows(learnt, seed=seed)
    yield from grounded_rows(invented_pages(), seed=seed)
    yield from replay_rows(replay_prompts(), EMBEDDED_MODEL, models)


if __name__ == "__main__":
    sys.exit(main())
