"""What people wrote to the bot, as it keeps its work: found by exchange or by person, and deleted."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# DBOS's inputs are untyped.

import asyncio
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbos import DBOSClient, DBOSPortableJSONSerializer, WorkflowStatus
from sqlalchemy import URL, ColumnElement, Engine, NullPool, create_engine, func, inspect, make_url, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.executor import sqlite_engine
from bot.stored_work import UNDER_WAY
from bot.tables import deliveries
from router.ids import batches, starts_of

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """`ids` are those of exchanges and of feedback; `person` wrote it, where it is a person's words that are meant."""

    ids: frozenset[str]
    person: str = ""


async def count_deliveries(words: Words, engine: AsyncEngine) -> int:
    """Questions that still say what was asked, or by whom."""
    held = (deliveries.c.text != "") | (deliveries.c.asker != "")
    async with engine.connect() as connection:
        counts = [select(func.count()).select_from(deliveries).where(each, held) for each in _theirs(words)]
        return max([0, *[(await connection.execute(each)).scalar_one() for each in counts]])


async def clear_deliveries(words: Words, engine: AsyncEngine) -> None:
    """That there was a question is kept, so that it is not answered again."""
    async with engine.begin() as connection:
        for theirs in _theirs(words):
            await connection.execute(update(deliveries).where(theirs).values(text="", asker="", state="withdrawn"))


def _theirs(words: Words) -> Iterator[ColumnElement[bool]]:
    table = deliveries.c
    for some in batches(words.ids):
        yield or_(table.exchange_id.in_(some), table.question_key.in_(some))
    if words.person:
        yield table.asker == words.person


class StoredWords:
    """The inputs of durable work in `database_url`. While the bot runs, what is under way is left to it."""

    def __init__(self, database_url: str, *, is_bot_running: bool) -> None:
        self._url = database_url
        self._is_bot_running = is_bot_running

    async def count(self, words: Words) -> int:
        return await asyncio.to_thread(self._count, words)

    async def delete(self, words: Words) -> None:
        await asyncio.to_thread(self._delete, words)

    def _count(self, words: Words) -> int:
        with self._opened() as opened:
            return len(_found(opened[0], words)) if opened else 0

    def _delete(self, words: Words) -> None:
        with self._opened() as opened:
            if opened is None:
                return
            client, engine = opened
            found = _found(client, words)
            done = [each for each in found if not (self._is_bot_running and each.status in UNDER_WAY)]
            client.delete_workflows([each.workflow_id for each in done])
            if engine is not None:
                with engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _opened(self) -> Generator[tuple[DBOSClient, Engine | None] | None]:
        """None where no bot ever ran."""
        if not _was_begun(make_url(self._url)):
            yield None
            return
        engine = sqlite_engine(self._url)
        client = DBOSClient(
            system_database_url=self._url,
            system_database_engine=engine,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
        )
        try:
            yield client, engine
        finally:
            client.destroy()
            if engine is not None:
                engine.dispose()


def _was_begun(url: URL) -> bool:
    if url.get_backend_name() == "sqlite":
        return Path(str(url.database)).is_file()
    engine = create_engine(url.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        return inspect(connection).has_table("workflow_status", schema="dbos")


def _found(client: DBOSClient, words: Words) -> list[WorkflowStatus]:
    found: list[WorkflowStatus] = []
    offset = 0
    while page := client.list_workflows(limit=_AT_ONCE, offset=offset, load_output=False):
        found += [each for each in page if _is_theirs(each.workflow_id, _payload(each), words)]
        offset += len(page)
    return found


def _payload(work: WorkflowStatus) -> Mapping[str, Any]:
    arguments = work.input["args"] if work.input else ()
    last = arguments[-1] if arguments else None
    return last if isinstance(last, dict) else {}


def _is_theirs(work_id: str, payload: Mapping[str, Any], words: Words) -> bool:
    named: Collection[Any] = {
        *starts_of(work_id),
        work_id,
        *(payload[name] for name in ("key", "exchange_id", "value") if isinstance(payload.get(name), str)),
    }
    return not words.ids.isdisjoint(named) or bool(words.person and payload.get("user") == words.person)
