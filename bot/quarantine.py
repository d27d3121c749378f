"""Documents that are not tried again by themselves: each of three tries killed the process, or met an unforeseen error."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.tables import document_tries
from knowledge.audience import Audience
from knowledge.documents import document_id

TRIES = 3
_KILLED = f"I broke down {TRIES} times while I read this, and set it aside. Adding it again tries it once more."
_FAILED = (
    f"Reading this failed {TRIES} times on my side, and I set it aside; the log says why. "
    "Adding it again tries it once more."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A document by the place it is read from; `title` is what people know it by, `overheard` is its origin's."""

    place: str
    scope: str
    title: str
    channel: str
    overheard: bool = True

    @property
    def id(self) -> str:
        return document_id(self.place, self.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """`reason` is a sentence for people."""

    document: Tried
    reason: str
    tries: int
    tried_at: datetime


class Quarantine:
    """Tries are counted by the work that makes them: handed over again, a document is tried anew, on purpose."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def is_suspect(self, work_id: str) -> bool:
        """Whether a process ended in the middle of this work: by its document, or by one that was read beside it."""
        query = select(document_tries.c.work_id).where(_of(work_id), document_tries.c.state == "reading")
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).first() is not None

    async def begin(self, work_id: str, document: Tried) -> SetAside | None:
        """Count a try before it is made. Where there were enough, the document is set aside, and that is returned."""
        now = datetime.now(UTC)
        async with self._engine.begin() as connection:
            row = (await connection.execute(select(document_tries).where(_of(work_id)))).one_or_none()
            if row is None:
                earlier = (document_tries.c.document_id == document.id) & (document_tries.c.state == "aside")
                await connection.execute(delete(document_tries).where(earlier))
                values = {
                    "work_id": work_id,
                    "document_id": document.id,
                    "place": document.place,
                    "scope": document.scope,
                    "title": document.title,
                    "channel": document.channel,
                    "overheard": document.overheard,
                    "state": "reading",
                    "tries": 1,
                    "reason": "",
                    "tried_at": now,
                }
                await connection.execute(insert(document_tries).values(values))
                return None
            if row.state == "aside":
                return _set_aside(row)
            if row.tries < TRIES:
                again = {"state": "reading", "tries": row.tries + 1, "tried_at": now}
                await connection.execute(update(document_tries).where(_of(work_id)).values(again))
                return None
            aside = {"state": "aside", "reason": _KILLED if row.state == "reading" else _FAILED}
            await connection.execute(update(document_tries).where(_of(work_id)).values(aside))
            return _set_aside((await connection.execute(select(document_tries).where(_of(work_id)))).one())

    async def named(self, name: str, audience: Audience, *, ingest_id: str) -> list[Tried]:
        """Those of this place or title, of what the audience may read, also where this ingest is trying them again."""
        readable = document_tries.c.scope.in_(sorted(audience.scopes))
        is_it = (document_tries.c.place == name) | (document_tries.c.title == name)
        theirs = document_tries.c.work_id.startswith(f"{ingest_id}:", autoescape=True)
        state = (document_tries.c.state == "aside") | theirs
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(document_tries).where(readable, is_it, state))
            return list(dict.fromkeys(_tried(row) for row in rows))

    async def know_title(self, work_id: str, title: str) -> None:
        """What the document is called was found out."""
        await self._change(work_id, title=title)

    async def failed(self, work_id: str) -> None:
        """This try met an error that nobody foresaw."""
        await self._change(work_id, state="failed")

    async def leave(self, work_id: str) -> None:
        """This try was broken off by no fault of the document's, and does not count."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(document_tries).where(_of(work_id), document_tries.c.tries <= 1))
            fewer = update(document_tries).where(_of(work_id)).values(tries=document_tries.c.tries - 1)
            await connection.execute(fewer)

    async def end(self, work_id: str) -> None:
        """The document was read, or there is a clear reason why not."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(document_tries).where(_of(work_id)))

    async def release(self, places: Collection[str], scope: str) -> None:
        """These were taken in otherwise, or taken out: they are set aside no more."""
        ids = [document_id(place, scope) for place in places]
        theirs = document_tries.c.document_id.in_(ids) & (document_tries.c.state == "aside")
        async with self._engine.begin() as connection:
            await connection.execute(delete(document_tries).where(theirs))

    async def reason(self, place: str, scope: str) -> str:
        """Why this document is set aside; empty where it is not."""
        this = (document_tries.c.document_id == document_id(place, scope)) & (document_tries.c.state == "aside")
        async with self._engine.connect() as connection:
            return await connection.scalar(select(document_tries.c.reason).where(this).limit(1)) or ""

    async def set_aside(self, audience: Audience, *, channel: str = "", limit: int | None = None) -> list[SetAside]:
        """Those that the audience may read, handed over in this channel or anywhere, the last one first."""
        readable = document_tries.c.scope.in_(sorted(audience.scopes)) & (document_tries.c.state == "aside")
        query = select(document_tries).where(readable).order_by(document_tries.c.tried_at.desc()).limit(limit)
        if channel:
            query = query.where(document_tries.c.channel == channel)
        async with self._engine.connect() as connection:
            return [_set_aside(row) for row in await connection.execute(query)]

    async def _change(self, work_id: str, **values: Any) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(update(document_tries).where(_of(work_id)).values(values))


def _of(work_id: str) -> Any:
    return document_tries.c.work_id == work_id


def _set_aside(row: Row[Any]) -> SetAside:
    return SetAside(document=_tried(row), reason=row.reason, tries=row.tries, tried_at=row.tried_at)


def _tried(row: Row[Any]) -> Tried:
    return Tried(place=row.place, scope=row.scope, title=row.title, channel=row.channel, overheard=row.overheard)
