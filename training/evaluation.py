"""Measure a grounding adapter: `python -m training.evaluation --url URL --model NAME --data DIR`.

Every question of the held-out articles is asked twice, passages shuffled: once with its passage, another of
the same article and one of another article; once with its passage replaced by one of another article. The passages are read
as `TANDEM_READ_APART` has the router read them, with `--together` in one prompt, or with `--apart` each by itself.

`--on pages` asks about the held-out invented pages instead, `--fit 0.04` prints the `TANDEM_LEAST_SURETY` at which so much of what
can be answered is declined: it is to be chosen there, and not on the articles. Only what is read apart has a surety.
"""

import argparse
import asyncio
import json
import math
import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from router.errors import RouterError
from router.model import ModelClient
from router.prompts import DECLINE, apart_prompts, grounded_prompt
from router.reading import READ_TOKENS, read_apart
from router.settings import RouterSettings
from training.arguments import number_of_questions
from training.articles import Article, Asked, Paragraph
from training.errors import TrainingError
from training.invented_pages import held_out_pages
from training.scoring import Measured, citations, declines, f1, holds_gold, measure
from training.tasks import failing_as_one
from training.xquad import read_articles, split

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`right` is the number of the passage that holds the answer, None when none does."""

    question: str
    golds: tuple[str, ...]
    passages: tuple[Paragraph, ...]
    right: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was said to a case. `surety` tells how sure it was of the text, None where the passages were read together."""

    case: Case
    text: str
    surety: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """Figures of grounded answering. All but the last are over answerable questions, a wrong decline counting as 0;
    `right_citation_of_answers` is over those that were answered, None where none was.
    """  # noqa: D205

    f1: Measured
    holds_gold: Measured
    right_citation: Measured
    right_citation_of_answers: Measured | None
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


def some(cases: Sequence[Case], questions: int, *, seed: int = 0) -> list[Case]:
    """Both cases of so many questions, of those that `grounding_cases` gives, in their order."""
    chosen = random.Random(seed).sample(range(0, len(cases), 2), min(questions, len(cases) // 2))  # noqa: S311 - a sample
    return [case for place in sorted(chosen) for case in cases[place : place + 2]]


async def evaluate(
    cases: Sequence[Case],
    client: ModelClient,
    *,
    model: str,
    settings: RouterSettings | None = None,
    concurrency: int = 16,
    progress: Progress = lambda _done, _all: None,
) -> Grounding:
    """Ask all cases greedily, as the settings say, and score them. Raises RouterError when the model server does not answer."""
    chosen = settings or RouterSettings()
    heard = await hear(
        cases, client, model=model, together=not chosen.read_apart, concurrency=concurrency, progress=progress
    )
    return score(heard, least_surety=chosen.least_surety)


async def hear(
    cases: Sequence[Case],
    client: ModelClient,
    *,
    model: str,
    together: bool = False,
    concurrency: int = 16,
    progress: Progress = lambda _done, _all: None,
) -> list[Heard]:
    """What is said to each case, however unsure. Raises RouterError when the model server does not answer, and asks no more."""
    gate = asyncio.Semaphore(concurrency)
    done = 0

    async def ask(case: Case) -> Heard:
        nonlocal done
        async with gate:
            heard = await (_together if together else _apart)(case, client, model)
        done += 1
        progress(done, len(cases))
        return heard

    async with failing_as_one() as tasks:
        asked = [tasks.create_task(ask(case)) for case in cases]
    return [each.result() for each in asked]


def score(heard: Sequence[Heard], *, least_surety: float = -math.inf) -> Grounding:
    """What is less sure than `least_surety` counts as a decline."""
    answered = [(each.case, DECLINE if _is_less(each, least_surety) else each.text) for each in heard]
    present = [(case, answer) for case, answer in answered if case.right is not None]
    absent = [answer for case, answer in answered if case.right is None]
    cites = [float(citations(answer) == [case.right]) for case, answer in present if not declines(answer)]
    return Grounding(
        f1=measure([f1(answer, case.golds) for case, answer in present]),
        holds_gold=measure([float(holds_gold(answer, case.golds)) for case, answer in present]),
        right_citation=measure([float(citations(answer) == [case.right]) for case, answer in present]),
        right_citation_of_answers=measure(cites) if cites else None,
        declines_answerable=measure([float(declines(answer)) for _, answer in present]),
        declines_absent=measure([float(declines(answer)) for answer in absent]),
    )


def fitted_surety(heard: Sequence[Heard], *, declined: float) -> float:
    """The surety below which at most that share of the answerable questions is declined."""
    sureties = sorted(each.surety for each in heard if each.surety is not None and each.case.right is not None)
    return sureties[math.floor(declined * len(sureties))]


async def _apart(case: Case, client: ModelClient, model: str) -> Heard:
    prompts = apart_prompts(case.question, case.passages)
    reading = await read_apart(prompts, client, model=model, least_surety=-math.inf)
    if reading is None:
        return await _together(case, client, model)
    return Heard(case=case, text=reading.text, surety=reading.surety)


async def _together(case: Case, client: ModelClient, model: str) -> Heard:
    prompt = grounded_prompt(case.question, case.passages)
    return Heard(case=case, text=await client.complete(prompt, model=model, max_tokens=READ_TOKENS))


def _is_less(heard: Heard, least_surety: float) -> bool:
    return heard.surety is not None and heard.surety < least_surety


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
    given = arguments()
    try:
        articles = held_out_pages() if given.on == "pages" else split(read_articles(given.data))[1]
        cases = grounding_cases(articles, seed=given.seed)
        cases = cases if given.questions is None else some(cases, given.questions)
        heard = asyncio.run(_hear(cases, given.url, given.model, together=given.together))
    except (TrainingError, RouterError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    least = given.least_surety if given.fit is None else fitted_surety(heard, declined=given.fit)
    figures = {"least_surety": round(least, 3), **asdict(score(heard, least_surety=least))}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


def arguments(typed: Sequence[str] | None = None) -> argparse.Namespace:
    """What was typed, by default at this process's start. Where that leaves open how passages are read, the settings say it."""
    settings = RouterSettings()
    parser = argparse.ArgumentParser(description="Measure grounded answering on the held-out articles.")
    parser.add_argument("--url", required=True, help="an OpenAI-compatible model server")
    parser.add_argument("--model", required=True, help="the model or adapter to ask, as the server names it")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TANDEM_DATA", "../shared/data")))
    parser.add_argument("--seed", type=int, default=0, help="of the shuffled passages")
    parser.add_argument("--on", choices=["articles", "pages"], default="articles", help="what is asked about")
    parser.add_argument(
        "--questions", type=number_of_questions, help="ask so many of them, chosen by a fixed seed; default: all"
    )
    reading = parser.add_mutually_exclusive_group()
    reading.add_argument("--together", action="store_true", default=None, help="show all passages in one prompt")
    reading.add_argument("--apart", action="store_false", dest="together", default=None, help="show each by itself")
    parser.add_argument("--least-surety", type=float, default=settings.least_surety, help="decline below it")
    parser.add_argument("--fit", type=float, metavar="SHARE", help="find the surety that declines so many")
    given = parser.parse_args(typed)
    if given.fit is not None and given.together:
        parser.error("--fit needs passages that are read apart: leave out --together")
    if given.together is None:
        # A surety is told only of what is read apart.
        given.together = given.fit is None and not settings.read_apart
    return given


async def _hear(cases: Sequence[Case], url: str, model: str, *, together: bool) -> list[Heard]:
    client = ModelClient(url=url, settings=RouterSettings().unhurried())
    try:
        return await hear(cases, client, model=model, together=together, progress=_print_progress)
    finally:
        await client.aclose()


def _print_progress(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        sys.stderr.write(f"{done}/{total} answered\n")


if __name__ == "__main__":
    sys.exit(main())
