"""An exchange as the journal keeps it, and what people said about it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from router.decisions import Decision, Route
from router.evidence import SearchStep
from router.exchanges import Exchange, ShownPassage
from router.feedback import Feedback, FeedbackKind
from router.journal import Journal
from training.data.corrections import Corrections, Verdict
from training.settings import TrainingSettings

DAY = datetime(2026, 3, 1, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
ON = TrainingSettings(training_enabled=True)

PASSAGE = ShownPassage(
    chunk_id="c",
    document_id="d",
    content_hash="h",
    title="Leave",
    uri="u",
    text="Parental leave is sixteen weeks.",
    scope="public",
    similarity=0.7,
    overheard=False,
)
FOUND = SearchStep(query="q", found=1, similarity=0.7, coverage=1.0, is_enough=True, took_ms=1.0, overheard=False)

Said = tuple[str, FeedbackKind, str]
"""A person, what they did, and the correction that they wrote."""


def exchange(exchange_id: str, **changes: Any) -> Exchange:
    """A public question about parental leave, answered from one passage. Questions of different ids are alike."""
    question = changes.get("question", "How long is parental leave?")
    plain = Exchange(
        exchange_id=exchange_id,
        asked_at=DAY + timedelta(hours=1),
        team="T1",
        channel="C1",
        asker="U1",
        scopes=frozenset({"public"}),
        question=question,
        thread=(),
        prompt=({"role": "system", "content": "Answer."}, {"role": "user", "content": question}),
        passages=(PASSAGE,),
        searches=(FOUND,),
        decision=Decision(route=Route.RETRIEVE, probabilities={Route.RETRIEVE: 1.0}, reason="r"),
        answer="Sixteen weeks [1].",
        completion="Sixteen weeks [1].",
        sources=(),
    )
    return replace(plain, **changes)


async def kept(engine: AsyncEngine, asked: Exchange, *said: Said) -> None:
    """Feedback ids are the exchange's, followed by their place: `x1-0`."""
    journal = Journal(engine)
    await journal.record(asked)
    for event in events(asked.exchange_id, *said):
        await journal.add_feedback(event)


def events(exchange_id: str, *said: Said) -> list[Feedback]:
    return [
        Feedback(
            feedback_id=f"{exchange_id}-{number}",
            exchange_id=exchange_id,
            person=person,
            kind=kind,
            correction=correction,
            at=DAY + timedelta(minutes=number),
        )
        for number, (person, kind, correction) in enumerate(said)
    ]


async def reviewed(engine: AsyncEngine, feedback_id: str, verdict: Verdict) -> None:
    corrections = Corrections(engine)
    await corrections.review(await corrections.find(feedback_id), verdict, reviewer="R1", at=NEXT)


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def both(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of both sides of the split."""
    return [row for split in ("train", "holdout") for row in rows(folder / split, name)]
