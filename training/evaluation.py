"""Measure a grounding adapter: `python -m training.evaluation --url URL --model NAME --data DIR`.

Every question of the held-out articles is asked twice, passages shuffled: once with its passage, another of
the same article and one of another article; once with its passage replaced by one of another article.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from router.errors import RouterError
from router.model import ModelClient
from router.prompts import grounded_prompt
from router.settings import RouterSettings
from training.articles import Article, Asked, Paragraph
from training.errors import TrainingError
from training.scoring import Measured, citations, declines, f1, holds_gold, measure
from training.xquad import read_articles, split

_ANSWER_TOKENS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`right` is the number of the passage that holds the answer, None when none does."""

    question: str
    golds: tuple[str, ...]
    passages: tuple[Paragraph, ...]
    right: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """Figures of grounded answering; the first four over answerable questions, a wrong decline counting as 0."""

    f1: Measured
    holds_gold: Measured
    right_citation: Measured
    declines_answerable: Measured
    declines_absent: Measured


def grounding_cases(articles: Sequence[Article], *, seed: int = 0) -> list[Case]:
    """Two cases for every question of the articles: its passage present, and absent."""
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    return [
        case
        for article in articles
        for paragraph in article.paragraphs
        for asked in paragraph.questions
        for case in _cases(asked, paragraph, article, [each for each in articles if each is not article], rng)
    ]


async def evaluate(
    cases: Sequence[Case],
    client: ModelClient,
    *,
    model: str,
    concurrency: int = 16,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Grounding:
    """Ask all cases greedily and score them. Raises RouterError when the model server does not answer."""
    gate = asyncio.Semaphore(concurrency)
    done = 0

    async def ask(case: Case) -> str:
        nonlocal done
        async with gate:
            prompt = grounded_prompt(case.question, case.passages)
            answer = await client.complete(prompt, model=model, max_tokens=_ANSWER_TOKENS)
        done += 1
        progress(done, len(cases))
        return answer

    answers = await asyncio.gather(*(ask(case) for case in cases))
    return score(list(zip(cases, answers, strict=True)))


def score(answered: Sequence[tuple[Case, str]]) -> Grounding:
    present = [(case, answer) for case, answer in answered if case.right is not None]
    absent = [answer for case, answer in answered if case.right is None]
    return Grounding(
        f1=measure([f1(answer, case.golds) for case, answer in present]),
        holds_gold=measure([float(holds_gold(answer, case.golds)) for case, answer in present]),
        right_citation=measure([float(citations(answer) == [case.right]) for case, answer in present]),
        declines_answerable=measure([float(declines(answer)) for _, answer in present]),
        declines_absent=measure([float(declines(answer)) for answer in absent]),
    )


def _cases(
    asked: Asked, paragraph: Paragraph, article: Article, others: Sequence[Article], rng: random.Random
) -> list[Case]:
    same = rng.choice([each for each in article.paragraphs if each is not paragraph])
    foreign = [rng.choice(each.paragraphs) for each in rng.sample(others, 2)]
    cases: list[Case] = []
    for chosen in ([paragraph, same, foreign[0]], [same, *foreign]):
        rng.shuffle(chosen)
        right = next((n for n, each in enumerate(chosen, 1) if each is paragraph), None)
        cases.append(Case(question=asked.text, golds=asked.golds, passages=tuple(chosen), right=right))
    return cases


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure grounded answering on the held-out articles.")
    parser.add_argument("--url", required=True, help="an OpenAI-compatible model server")
    parser.add_argument("--model", required=True, help="the model or adapter to ask, as the server names it")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TANDEM_DATA", "../shared/data")))
    parser.add_argument("--seed", type=int, default=0, help="of the shuffled passages")
    given = parser.parse_args()
    try:
        _, held_out = split(read_articles(given.data))
        figures = asyncio.run(_measure(grounding_cases(held_out, seed=given.seed), given.url, given.model))
    except (TrainingError, RouterError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(figures), indent=2) + "\n")
    return 0


async def _measure(cases: Sequence[Case], url: str, model: str) -> Grounding:
    client = ModelClient(url=url, settings=RouterSettings())
    try:
        return await evaluate(cases, client, model=model, progress=_print_progress)
    finally:
        await client.aclose()


def _print_progress(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        sys.stderr.write(f"{done}/{total} answered\n")


if __name__ == "__main__":
    sys.exit(main())
