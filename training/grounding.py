"""Rows that teach grounded answering: `python -m training.grounding --stage form --data DIR --out FILE`.

RAFT (arXiv 2403.10131) in its short form: right and distracting passages in shuffled order, a short answer
with its passage's number, and rows whose passages do not hold the answer and that decline. Many questions
are asked of the same passages, so that training shares them (training.trees).
"""

import argparse
import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from router.prompts import DECLINE, grounded_prompt
from router.questions import Turn
from training.articles import Article, Asked, Paragraph
from training.embedded_model import EMBEDDED_MODEL
from training.errors import TrainingError
from training.invented_pages import invented_pages
from training.replay import replay_prompts, replay_rows
from training.rows import Message, Row, write_rows
from training.substitution import name_pool, substituted
from training.xquad import read_articles, split

# How many passages a prompt holds, and how often: the router mostly sends three.
_PASSAGES = {1: 0.05, 2: 0.1, 3: 0.55, 4: 0.2, 5: 0.1}
_EARLIER_TURN_SHARE = 0.15
_RESHAPED_SHARE = 0.35
# One context of invented pages for so many of the encyclopaedia.
_PAGES_SHARE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What one stage of training is made of.

    A context is a set of passages; `answering` bounds the questions asked of it, `declining` is the number
    of declining rows for each answering one (more of them decline more, rightly and wrongly), and
    `substituted` the share of passages with other facts in them.
    """

    contexts: int
    answering: int
    declining: float
    substituted: float
    seed: int


STAGES = {
    # The form: short answers, citations, declining. Every question a context answers, so that many share it.
    "form": Mixture(contexts=340, answering=1000, declining=0.3, substituted=0.0, seed=1),
    # Reading: by now the answers are remembered, so they are changed; and fewer questions, as more rows only decline.
    "reading": Mixture(contexts=240, answering=8, declining=0.14, substituted=0.7, seed=11),
}


def grounded_rows(articles: Sequence[Article], mixture: Mixture) -> Iterator[Row]:
    """Rows of the mixture's contexts, the articles in turn.

    Per set, every question whose answer stands in the passages, and some of the same article whose does not.
    """
    rng = random.Random(mixture.seed)  # noqa: S311 - a mixture, not a secret
    names = name_pool(articles)
    for number in range(mixture.contexts):
        subject = articles[number % len(articles)]
        others = [each for each in articles if each is not subject]
        yield from _context_rows(subject, others, names, mixture, rng)


def citing_answer(gold: str, n: int) -> str:
    """The one form of a grounded answer is `308 [2].`: it is one sentence, and its citation is inside."""
    return f"{gold.strip().rstrip('.,;:')} [{n}]."


def row(question: str, passages: Sequence[Paragraph], answer: str, thread: Sequence[Turn] = ()) -> Row:
    prompt = [Message.model_validate(message) for message in grounded_prompt(question, passages, thread)]
    return Row(prompt=prompt, completion=[Message(role="assistant", content=answer)])


def _context_rows(
    subject: Article, others: Sequence[Article], names: Sequence[str], mixture: Mixture, rng: random.Random
) -> Iterator[Row]:
    size = rng.choices(list(_PASSAGES), list(_PASSAGES.values()))[0]
    same = rng.sample(subject.paragraphs, min(len(subject.paragraphs), rng.choice(_same_counts(size))))
    foreign = [rng.choice(article.paragraphs) for article in rng.sample(others, min(len(others), size - len(same)))]
    reshape = rng.random() < _RESHAPED_SHARE
    shown = [_reshaped(each, rng) if reshape and "\n" not in each.text else each for each in (*same, *foreign)]
    shown = [substituted(each, names, rng) if rng.random() < mixture.substituted else each for each in shown]
    rng.shuffle(shown)

    answering = [(asked, n) for n, passage in enumerate(shown, 1) for asked in passage.questions]
    answering = rng.sample(answering, min(len(answering), mixture.answering))
    for asked, n in answering:
        yield row(asked.text, shown, citing_answer(asked.golds[0], n), _thread(asked, subject, rng))

    seen = {asked for passage in (*same, *foreign) for asked in passage.questions}
    hidden = [asked for passage in subject.paragraphs for asked in passage.questions if asked not in seen]
    absent = [asked for asked in hidden if not any(_holds(passage, asked) for passage in shown)]
    for asked in rng.sample(absent, min(len(absent), round(mixture.declining * len(answering) + rng.random() - 0.5))):
        yield row(asked.text, shown, DECLINE, _thread(asked, subject, rng))


def _same_counts(size: int) -> list[int]:
    """How many of `size` passages come from one article: neighbours are what a search confuses."""
    return {1: [1], 2: [1, 2], 3: [1, 2, 2, 3], 4: [2, 2, 3], 5: [2, 3, 4]}[size]


def _holds(passage: Paragraph, asked: Asked) -> bool:
    """Whether an answer to a question on another passage stands in this one too."""
    return any(re.search(rf"(?<!\w){re.escape(gold)}(?!\w)", passage.text, re.IGNORECASE) for gold in asked.golds)


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
    parser.add_argument("--stage", choices=list(STAGES), required=True, help="first the form, then reading")
    given = parser.parse_args()
    try:
        rows = list(_all_rows(given.data, given.models, STAGES[given.stage]))
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    write_rows(given.out, rows)
    declining = sum(row.completion[0].content == DECLINE for row in rows)
    sys.stdout.write(f"{len(rows)} rows, {declining} of them declining, written to {given.out}\n")
    return 0


def _all_rows(data: Path, models: Path, mixture: Mixture) -> Iterator[Row]:
    learnt, _ = split(read_articles(data))
    yield from grounded_rows(learnt, mixture)
    yield from grounded_rows(invented_pages(), replace(mixture, contexts=mixture.contexts // _PAGES_SHARE))
    yield from replay_rows(replay_prompts(), EMBEDDED_MODEL, models)


if __name__ == "__main__":
    sys.exit(main())
