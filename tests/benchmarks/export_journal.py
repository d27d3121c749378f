"""A journal to export: `COUNT` exchanges over thirty days, every one of them judged, the same at every run."""

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

import router.tables
import training.tables
from bot.database import database_url, open_engine
from bot.settings import BotSettings
from router.decisions import Decision, Route
from router.evidence import SearchStep
from router.exchanges import Exchange, ShownPassage
from router.journal import _exchange_row
from router.prompts import grounded_prompt
from tests.benchmarks.made_up import MadeUp

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 30
PASSAGES = 2_000
PEOPLE = 400
_PASSAGE_WORDS = 110
_AT_ONCE = 500


async def main(home: Path, count: int) -> None:
    engine = open_engine(database_url(BotSettings(home=home)))
    async with engine.begin() as connection:
        for tables in (router.tables, training.tables):
            await connection.run_sync(tables.metadata.create_all)
    made = _exchanges(count)
    for first in range(0, count, _AT_ONCE):
        some = [next(made) for _ in range(first, min(first + _AT_ONCE, count))]
        async with engine.begin() as connection:
            await connection.execute(
                insert(router.tables.exchanges), [_exchange_row(exchange) for exchange, *_ in some]
            )
            await connection.execute(insert(router.tables.feedback), [feedback for _, feedback, _ in some])
            reviews = [review for *_, review in some if review]
            await connection.execute(insert(training.tables.correction_reviews), reviews)
    await engine.dispose()
    print(
        json.dumps(
            {"exchanges": count, "database_mb": sum(file.stat().st_size for file in home.glob("tandem.db*")) // 1024**2}
        )
    )


def _exchanges(count: int) -> Iterator[tuple[Exchange, dict[str, Any], dict[str, Any]]]:
    """Prompts of about three thousand characters. One question in ten is asked again, nearly or quite as before."""
    draw, made_up = random.Random(5), MadeUp(seed=5)
    passages = [_passage(number, made_up.text(_PASSAGE_WORDS)) for number in range(PASSAGES)]
    questions: list[str] = []
    for number in range(count):
        question = made_up.text(9)
        if questions and draw.random() < 0.1:
            question = draw.choice(questions) + draw.choice(["", " please"])
        questions.append(question)
        exchange = _exchange(number, count, question, draw.sample(passages, 3), said=made_up.text(12), draw=draw)
        about = {"exchange_id": exchange.exchange_id, "feedback_id": f"f{number}"}
        kind = draw.choices(["vote_up", "vote_down", "correction"], [60, 25, 15])[0]
        correction = made_up.text(12) if kind == "correction" else ""
        feedback = {
            "person": f"U{draw.randrange(PEOPLE)}",
            "kind": kind,
            "correction": correction,
            "what_was_wrong": [],
        }
        review = {"verdict": "know_how", "reviewer": "U0", "at": exchange.asked_at} if correction else {}
        yield exchange, {**about, **feedback, "at": exchange.asked_at}, {**about, **review} if review else {}


def _exchange(
    number: int, count: int, question: str, passages: list[ShownPassage], *, said: str, draw: random.Random
) -> Exchange:
    step = SearchStep(
        query=question, found=3, similarity=0.7, coverage=1.0, is_enough=True, took_ms=5.0, overheard=False
    )
    return Exchange(
        exchange_id=f"slack:T1:C1:{number}",
        asked_at=START + timedelta(days=DAYS) * (number / count),
        team="T1",
        channel="C1",
        asker=f"U{draw.randrange(PEOPLE)}",
        scopes=frozenset({"public"}),
        question=question,
        thread=(),
        thread_id=f"T1:C1:{number - number % 3}",
        prompt=tuple(grounded_prompt(question, passages)),
        passages=tuple(passages),
        searches=(step,),
        decision=Decision(route=Route.RETRIEVE, probabilities={Route.RETRIEVE: 1.0}, reason="It asks about the team."),
        answer=f"{said} [1].",
        completion=f"{said} [1].",
        sources=(),
    )


def _passage(number: int, text: str) -> ShownPassage:
    return ShownPassage(
        chunk_id=f"c{number}",
        document_id=f"d{number}",
        content_hash="h",
        title=f"Page {number}",
        uri=f"https://handbook.example/{number}",
        text=text,
        scope="public",
        similarity=0.7,
        overheard=False,
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
