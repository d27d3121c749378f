"""What is to be forgotten, in the database: counted, and deleted in one transaction."""

from collections.abc import Collection, Mapping

from sqlalchemy import Column, Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from knowledge.tables import documents
from router.ids import batches
from router.tables import exchanges, feedback
from router.transactions import transaction
from training.forgetting.carried import CLEARED, PLACEHOLDER
from training.forgetting.plan import Plan
from training.tables import correction_reviews, training_exports, training_members

_REWRITE = ""
"""As the digest of what an export has read: nothing reads like this, so the day is written anew."""


async def delete_from_journal(plan: Plan, engine: AsyncEngine) -> None:
    """All of it or nothing. What others asked stays, without the words of the thread. Raises JournalUnavailable."""
    async with transaction(engine) as connection:
        for table, column, ids in _places(plan):
            for some in batches(ids):
                await connection.execute(delete(table).where(column.in_(some)))
        for some in batches(plan.carrying):
            own = exchanges.c.exchange_id.in_(some)
            await connection.execute(update(exchanges).where(own).values(CLEARED))
        for start in (await connection.execute(select(training_exports.c.start))).scalars().all():
            if f"{start:%Y-%m-%d}" in plan.days:
                entry = update(training_exports).where(training_exports.c.start == start)
                await connection.execute(entry.values(inputs=_REWRITE))


async def count_in_journal(plan: Plan, engine: AsyncEngine) -> Mapping[str, int]:
    """How many rows there are, by place. Raises JournalUnavailable."""
    counts: dict[str, int] = {}
    async with transaction(engine) as connection:
        for table, column, ids in _places(plan):
            counts[_NAMES[table.name]] = await _count(column, ids, connection)
        counts["prompts of others"] = await _uncleared(plan, connection)
        counts["documents"] = await _count(documents.c.id, plan.documents, connection)
    return counts


async def days_waiting(plan: Plan, engine: AsyncEngine) -> set[str]:
    """Days that were exported, and have to be written anew. Raises JournalUnavailable."""
    waiting = select(training_exports.c.start).where(training_exports.c.inputs == _REWRITE)
    async with transaction(engine) as connection:
        starts = (await connection.execute(waiting)).scalars()
        return {f"{start:%Y-%m-%d}" for start in starts} & plan.days


_NAMES = {
    exchanges.name: "exchanges",
    feedback.name: "votes and corrections",
    correction_reviews.name: "reviews",
    training_members.name: "places in the split",
}


def _places(plan: Plan) -> list[tuple[Table, Column[str], Collection[str]]]:
    return [
        (feedback, feedback.c.feedback_id, plan.feedback),
        (correction_reviews, correction_reviews.c.feedback_id, plan.feedback),
        (exchanges, exchanges.c.exchange_id, plan.exchanges),
        (training_members, training_members.c.exchange_id, plan.exchanges),
    ]


async def _count(column: Column[str], ids: Collection[str], connection: AsyncConnection) -> int:
    counts = [select(func.count()).select_from(column.table).where(column.in_(some)) for some in batches(ids)]
    return sum([(await connection.execute(each)).scalar_one() for each in counts])


async def _uncleared(plan: Plan, connection: AsyncConnection) -> int:
    found = 0
    for some in batches(plan.carrying):
        columns = (exchanges.c.thread, exchanges.c.prompt, exchanges.c.searches)
        rows = await connection.execute(select(*columns).where(exchanges.c.exchange_id.in_(some)))
        found += sum(bool(row.prompt or row.searches or row.thread != [PLACEHOLDER]) for row in rows)
    return found
