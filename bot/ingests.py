"""What was handed over in a conversation: how far it is read, what of it failed, and whether it was taken back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.tables import ingest_failures, ingests
from knowledge.documents import IngestResult

_SHOWN = 5
# A statement may hold so many values on every database.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """`documents` were handed over at once, `read` of them so far."""

    id: str
    person: str
    documents: int
    read: int
    started_at: datetime
    is_under_way: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    name: str
    reason: str
    failed_at: datetime


class Ingests:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(self, ingest_id: str, *, channel: str, person: str, documents: int) -> None:
        """Begun again after a crash or a wait, it goes on."""
        this = ingests.c.ingest_id == ingest_id
        async with self._engine.begin() as connection:
            if not await connection.scalar(select(exists().where(this))):
                values = {"ingest_id": ingest_id, "channel": channel, "person": person, "documents": documents}
                rest = {"read": 0, "started_at": datetime.now(UTC), "ended_at": None, "undone_by": ""}
                await connection.execute(insert(ingests).values(**values, **rest))

    async def progress(self, ingest_id: str, read: int) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(update(ingests).where(ingests.c.ingest_id == ingest_id).values(read=read))

    async def end(self, ingest_id: str) -> None:
        async with self._engine.begin() as connection:
            ended = update(ingests).where(ingests.c.ingest_id == ingest_id, ingests.c.ended_at.is_(None))
            await connection.execute(ended.values(ended_at=datetime.now(UTC)))

    async def outcome(self, ingest_id: str, channel: str, tried: Collection[str], failed: Mapping[str, str]) -> None:
        """Keep why these failed, by name; of those that were tried, no earlier failure is told any more."""
        now = datetime.now(UTC)
        here = ingest_failures.c.channel == channel
        names = list(tried)
        async with self._engine.begin() as connection:
            for start in range(0, len(names), _AT_ONCE):
                these = ingest_failures.c.name.in_(names[start : start + _AT_ONCE])
                await connection.execute(delete(ingest_failures).where(here, these))
            for name, reason in failed.items():
                values = {"ingest_id": ingest_id, "channel": channel, "name": name, "reason": reason, "failed_at": now}
                await connection.execute(insert(ingest_failures).values(values))

    async def results(self, ingest_id: str, channel: str, results: Sequence[IngestResult]) -> None:
        """Keep what of these failed, by their links."""
        failed = {result.uri: result.error or "" for result in results if result.status == "failed"}
        await self.outcome(ingest_id, channel, {result.uri for result in results}, failed)

    async def forget(self, names: Collection[str]) -> None:
        """Tell no failures of these any more: what they name was taken out."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(ingest_failures).where(ingest_failures.c.name.in_(names)))

    async def under_way(self, channel: str) -> list[Ingest]:
        query = select(ingests).where(ingests.c.channel == channel, ingests.c.ended_at.is_(None))
        async with self._engine.connect() as connection:
            rows = await connection.execute(query.order_by(ingests.c.started_at.desc()).limit(_SHOWN))
            return [_ingest(row) for row in rows]

    async def failures(self, channel: str) -> list[Failure]:
        """The last ones, newest first."""
        query = select(ingest_failures).where(ingest_failures.c.channel == channel)
        newest_first = ingest_failures.c.failed_at.desc(), ingest_failures.c.number.desc()
        async with self._engine.connect() as connection:
            rows = await connection.execute(query.order_by(*newest_first).limit(_SHOWN))
            return [Failure(name=row.name, reason=row.reason, failed_at=row.failed_at) for row in rows]

    async def claim_undo(self, work_id: str, *, channel: str, person: str) -> Ingest | None:
        """The person's last ingest here, for this work to take back; the same one each time this work is done.

        One that is under way is not claimed. None where there is none left.
        """
        theirs = (ingests.c.channel == channel) & (ingests.c.person == person)
        last = select(ingests).where(theirs, ingests.c.undone_by == "").order_by(ingests.c.started_at.desc()).limit(1)
        async with self._engine.begin() as connection:
            while True:
                claimed = await connection.execute(select(ingests).where(ingests.c.undone_by == work_id))
                row = claimed.one_or_none() or (await connection.execute(last)).one_or_none()
                if row is None:
                    return None
                found = _ingest(row)
                if row.undone_by or found.is_under_way:
                    return found
                free = (ingests.c.ingest_id == found.id) & (ingests.c.undone_by == "")
                await connection.execute(update(ingests).where(free).values(undone_by=work_id))


def _ingest(row: Row[Any]) -> Ingest:
    return Ingest(
        id=row.ingest_id,
        person=row.person,
        documents=row.documents,
        read=row.read,
        started_at=row.started_at,
        is_under_way=row.ended_at is None,
    )
