"""The record of every answer and of what people said about it."""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, delete, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router import tables
from router.answers import Source
from router.decisions import Decision, Route
from router.errors import UnknownExchange
from router.evidence import SearchStep
from router.exchanges import Exchange, ShownPassage
from router.feedback import Feedback, FinalFeedback, fold
from router.questions import Turn
from router.transactions import transaction


class Journal:
    """Every method raises JournalUnavailable when the database cannot be reached, is locked or full."""

    def __init__(self, engine: AsyncEngine, *, page_rows: int = 200) -> None:
        self._engine = engine
        self._page_rows = page_rows

    async def record(self, exchange: Exchange) -> None:
        """Keep an exchange; the same id replaces what an interrupted run recorded before."""
        row = _exchange_row(exchange)
        async with transaction(self._engine) as connection:
            table = tables.exchanges
            await connection.execute(delete(table).where(table.c.exchange_id == exchange.exchange_id))
            await connection.execute(table.insert().values(row))

    async def exchange(self, exchange_id: str) -> Exchange | None:
        table = tables.exchanges
        async with transaction(self._engine) as connection:
            found = await connection.execute(select(table).where(table.c.exchange_id == exchange_id))
            row = found.first()
        return None if row is None else _exchange(row)

    async def remove(self, question: str) -> None:
        """Remove a question's exchanges with their feedback: the one of its id, and those whose id continues it after a colon."""
        async with transaction(self._engine) as connection:
            for table in (tables.feedback, tables.exchanges):
                its_id = table.c.exchange_id
                its_own = or_(its_id == question, its_id.startswith(f"{question}:", autoescape=True))
                await connection.execute(delete(table).where(its_own))

    async def exchanges_between(self, start: datetime, end: datetime) -> AsyncGenerator[Exchange, None]:
        """Exchanges with `start <= asked_at < end`, ordered by time and id, read page by page."""
        table = tables.exchanges
        async with aclosing(self._exchanges(table.c.asked_at >= start, table.c.asked_at < end)) as found:
            async for exchange in found:
                yield exchange

    async def judged(self) -> AsyncGenerator[tuple[Exchange, list[Feedback]], None]:
        """All exchanges on which somebody gave feedback, oldest first, with its events."""
        spoken_of = tables.exchanges.c.exchange_id.in_(select(tables.feedback.c.exchange_id))
        async with aclosing(self._exchanges(spoken_of)) as found:
            async for exchange in found:
                yield exchange, await self.feedback_events(exchange.exchange_id)

    async def _exchanges(self, *which: ColumnElement[bool]) -> AsyncGenerator[Exchange, None]:
        table = tables.exchanges
        at, exchange_id = table.c.asked_at, table.c.exchange_id
        after: ColumnElement[bool] = true()
        while True:
            page = select(table).where(*which, after).order_by(at, exchange_id).limit(self._page_rows)
            async with transaction(self._engine) as connection:
                rows = (await connection.execute(page)).all()
            for row in rows:
                yield _exchange(row)
            if len(rows) < self._page_rows:
                return
            last = rows[-1]
            after = or_(at > last.asked_at, and_(at == last.asked_at, exchange_id > last.exchange_id))

    async def add_feedback(self, event: Feedback) -> None:
        """Append an event; one whose id is there already changes nothing. Raises UnknownExchange."""
        table = tables.exchanges
        async with transaction(self._engine) as connection:
            known = await connection.execute(
                select(table.c.exchange_id).where(table.c.exchange_id == event.exchange_id)
            )
            if known.first() is None:
                raise UnknownExchange
            await connection.execute(_insert_once(connection, tables.feedback, _feedback_row(event)))

    async def feedback_events(self, exchange_id: str) -> list[Feedback]:
        table = tables.feedback
        events = select(table).where(table.c.exchange_id == exchange_id).order_by(table.c.at, table.c.feedback_id)
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(events)).all()
        return [_feedback(row) for row in rows]

    async def feedback_on(self, exchange_ids: Collection[str]) -> dict[str, list[Feedback]]:
        """The events on each of these exchanges that has any, in their order; for some hundreds of exchanges at once."""
        table = tables.feedback
        events = select(table).where(table.c.exchange_id.in_(exchange_ids)).order_by(table.c.at, table.c.feedback_id)
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(events)).all()
        found: dict[str, list[Feedback]] = {}
        for row in rows:
            found.setdefault(row.exchange_id, []).append(_feedback(row))
        return found

    async def feedback(self, exchange_id: str) -> FinalFeedback:
        return fold(await self.feedback_events(exchange_id))


def _insert_once(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> Any:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(table).values(row).on_conflict_do_nothing()


def _feedback_row(event: Feedback) -> dict[str, Any]:
    return asdict(event) | {"wanted": event.wanted.value if event.wanted else ""}


def _exchange_row(exchange: Exchange) -> dict[str, Any]:
    row = asdict(exchange)
    decision = row.pop("decision")
    return row | {
        "scopes": sorted(exchange.scopes),
        "usage": dict(exchange.usage),
        "timings_ms": dict(exchange.timings_ms),
        **decision,
        "route": exchange.decision.route.value,
        "probabilities": {route.value: chance for route, chance in exchange.decision.probabilities.items()},
        "features": dict(exchange.decision.features),
    }


def _feedback(row: Row[Any]) -> Feedback:
    return Feedback(
        feedback_id=row.feedback_id,
        exchange_id=row.exchange_id,
        person=row.person,
        kind=row.kind,
        at=row.at,
        what_was_wrong=tuple(row.what_was_wrong),
        correction=row.correction,
        wanted=Route(row.wanted) if row.wanted else None,
    )


def _exchange(row: Row[Any]) -> Exchange:
    return Exchange(
        exchange_id=row.exchange_id,
        asked_at=row.asked_at,
        team=row.team,
        channel=row.channel,
        asker=row.asker,
        scopes=frozenset(row.scopes),
        question=row.question,
        thread=tuple(Turn(**turn) for turn in row.thread),
        thread_id=row.thread_id,
        prompt=tuple(row.prompt),
        passages=tuple(ShownPassage(**passage) for passage in row.passages),
        searches=tuple(SearchStep(**step) for step in row.searches),
        decision=Decision(
            route=Route(row.route),
            probabilities={Route(route): chance for route, chance in row.probabilities.items()},
            reason=row.reason,
            policy=row.policy,
            features=row.features,
            propensity=row.propensity,
            explored=row.explored,
            forced=row.forced,
        ),
        answer=row.answer,
        completion=row.completion,
        sources=tuple(Source(**source) for source in row.sources),
        removed_citations=row.removed_citations,
        model=row.model,
        adapter=row.adapter,
        adapter_at=row.adapter_at,
        usage=row.usage,
        timings_ms=row.timings_ms,
    )
