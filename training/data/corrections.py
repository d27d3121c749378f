"""People's corrections, and a reviewer's word on each: a fact, know-how, or rejected.

A fact that may change belongs into the documents, which can be changed; style, format and know-how that stays belong
into the weights. Until a reviewer has said which it is, nothing is learnt from a correction.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import PUBLIC
from router.tables import exchanges, feedback
from router.transactions import transaction
from training.errors import UnknownCorrection
from training.tables import correction_reviews

Verdict = Literal["fact", "know_how", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What somebody said that an answer should have been.

    `said` is the answer as it was read, and `scopes` are what those who saw it may read.
    """

    feedback_id: str
    exchange_id: str
    person: str
    at: datetime
    channel: str
    question: str
    said: str
    should_say: str
    scopes: frozenset[str]
    verdict: Verdict | None

    @property
    def scope(self) -> str:
        """Who may read it as a document: those who saw the answer. Empty where no scope says that, as for a direct message."""
        if not self.channel or self.channel.startswith("D"):
            return ""
        own = sorted(self.scopes - {PUBLIC})
        if self.scopes == frozenset({PUBLIC}):
            return PUBLIC
        return own[0] if len(own) == 1 else ""


def fact_place(home: Path, feedback_id: str) -> Path:
    """The file that a correction is written to where it is a fact, so that it can be taken in as a document."""
    name = hashlib.sha256(feedback_id.encode()).hexdigest()[:16]
    return home / "corrections" / f"{name}.md"


class Corrections:
    """Every method raises JournalUnavailable when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def waiting(self) -> list[Correction]:
        """Those that nobody has reviewed yet, the oldest first. One that was taken back since is among them."""
        pending = _corrections().where(correction_reviews.c.verdict.is_(None))
        return await self._read(pending.order_by(feedback.c.at, feedback.c.feedback_id))

    async def find(self, feedback_id: str) -> Correction:
        """Raises UnknownCorrection."""
        found = await self._read(_corrections().where(feedback.c.feedback_id == feedback_id))
        if not found:
            raise UnknownCorrection(
                f"there is no correction {feedback_id}: tandem corrections list shows those there are"
            )
        return found[0]

    async def review(self, correction: Correction, verdict: Verdict, *, reviewer: str, at: datetime) -> None:
        """Keep a reviewer's word; a later one takes its place."""
        table = correction_reviews
        async with transaction(self._engine) as connection:
            await connection.execute(delete(table).where(table.c.feedback_id == correction.feedback_id))
            await connection.execute(
                insert(table).values(
                    feedback_id=correction.feedback_id,
                    exchange_id=correction.exchange_id,
                    verdict=verdict,
                    reviewer=reviewer,
                    at=at,
                )
            )

    async def verdicts_on(self, exchange_ids: Collection[str]) -> Mapping[str, Verdict]:
        """By the correction's feedback id; for some hundreds of exchanges at once."""
        table = correction_reviews
        reviewed = select(table.c.feedback_id, table.c.verdict).where(table.c.exchange_id.in_(exchange_ids))
        async with transaction(self._engine) as connection:
            return {row.feedback_id: row.verdict for row in await connection.execute(reviewed)}

    async def _read(self, wanted: Select[*tuple[Any, ...]]) -> list[Correction]:
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(wanted)).all()
        return [
            Correction(
                feedback_id=row.feedback_id,
                exchange_id=row.exchange_id,
                person=row.person,
                at=row.at,
                channel=row.channel,
                question=row.question,
                said=row.answer,
                should_say=row.correction,
                scopes=frozenset(row.scopes),
                verdict=row.verdict,
            )
            for row in rows
        ]


def _corrections() -> Select[*tuple[Any, ...]]:
    exchange, review = exchanges.c, correction_reviews.c
    columns = (exchange.channel, exchange.question, exchange.answer, exchange.scopes, review.verdict)
    return (
        select(feedback, *columns)
        .join(exchanges, exchange.exchange_id == feedback.c.exchange_id)
        .outerjoin(correction_reviews, review.feedback_id == feedback.c.feedback_id)
        .where(feedback.c.kind == "correction", feedback.c.correction != "")
    )
