"""Durable work on DBOS: what is stored here is done, though the process is killed on the way."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# DBOS's decorators lose the types of what they wrap.

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.arrivals import Arrival
from bot.database import prepare_sqlite
from bot.document_queue import DocumentQueue
from bot.errors import NotStored
from bot.ingest_form import may_hand_over
from bot.quarantine import TRIES
from bot.stored_work import GIVEN_UP, HOURLY, INGEST, UNDER_WAY, WORK, Stored, apart, discard, forget, listed

log = logging.getLogger("tandem.durable")

Handler = Callable[[str, str, dict[str, Any]], Awaitable[Any]]
"""Does one piece of work: its id, its kind, its payload. Called again from the start after a crash."""

Nightly = Callable[[datetime], Awaitable[None]]
Hourly = Callable[[datetime], Awaitable[None]]

# Raised only when the shape of stored work changes so that an older one could not be taken up: a deploy keeps it.
_WORK_VERSION = "1"
# Long enough for every redelivery to be known again; longer, it would only keep what people wrote.
_KEPT = timedelta(days=7)
# The first run and three more: a message that kills the process would otherwise do so for ever.
_ATTEMPTS = 4
# What waits for documents is cut off each time that one of them ends the process. A message brings ten addresses, ten
# files and its text.
_INGEST_ATTEMPTS = _ATTEMPTS + 21 * TRIES
_QUIET = "ERROR"
_SQLITE_CONNECTIONS = 3
_BUSY_TIMEOUT_MS = 30_000
_OUTCOMES_S = 3
# Slack waits 3 s for its acknowledgement.
_STORE_TIMEOUT_S = 2.5
# In a burst, work stands back so long for deliveries that are still being written down.
_STAND_BACK_S = 1.0


class Durable:
    """One executor of durable work. DBOS keeps one instance a process, so this is opened once a process."""

    def __init__(
        self, *, database_url: str, executor_id: str, handler: Handler, documents: DocumentQueue | None = None
    ) -> None:
        """`database_url` is synchronous: `sqlite:///…` or `postgresql://…`. `executor_id` must outlive restarts.

        What is in the queue of `documents` is done by the same handler.
        """
        self._database_url = database_url
        self._executor_id = executor_id
        self._handler = handler
        self._documents = documents
        self._sqlite = _sqlite_engine(database_url)
        self._running: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._all_stored = asyncio.Event()
        self._all_stored.set()

    def launch(
        self, *, nightly: Nightly | None = None, nightly_hour_utc: int = 2, hourly: Hourly | None = None
    ) -> None:
        """Start, and take up what a killed process left. Must be called inside the event loop that is to run the work."""
        config: DBOSConfig = {
            "name": "tandem",
            "system_database_url": self._database_url,
            "system_database_engine": self._sqlite,
            # The parameters hold whole messages: they stay out of errors, which are logged.
            "db_engine_kwargs": {"hide_parameters": True},
            "application_version": _WORK_VERSION,
            "executor_id": self._executor_id,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": _QUIET,
            "enable_otlp": False,
            "scheduler_polling_interval_sec": 5.0,
        }
        logging.getLogger("dbos").setLevel(_QUIET)
        DBOS(config=config)
        self._work = DBOS.workflow(name=WORK, max_recovery_attempts=_ATTEMPTS)(_as_function(self._run))
        self._ingest = DBOS.workflow(name=INGEST, max_recovery_attempts=_INGEST_ATTEMPTS)(_as_function(self._run))
        if self._documents is not None:
            self._documents.register(self._run)
        night = DBOS.workflow(name="nightly")(_nightly(nightly))
        # Not taken up again after a crash: the next hour does what is left.
        hour = DBOS.workflow(name=HOURLY, max_recovery_attempts=0)(_hourly(hourly))
        DBOS.launch()
        if hourly is None:
            DBOS.delete_schedule(HOURLY)
        else:
            DBOS.apply_schedules([{"schedule_name": HOURLY, "workflow_fn": hour, "schedule": "17 * * * *"}])
        if nightly is not None:
            DBOS.apply_schedules(
                [{"schedule_name": "nightly", "workflow_fn": night, "schedule": f"0 {nightly_hour_utc} * * *"}]
            )

    async def store(self, arrival: Arrival) -> None:
        """Write the work down and start it; the same id is done once. Raises NotStored: then nothing was promised."""
        # A mention comes as two events with one id, mostly at once: both wait for the one row.
        starting = self._starting.get(arrival.id) or self._begin(arrival)
        try:
            # Shielded: a start cut off after its row is written would leave work that nobody does until a restart.
            await asyncio.wait_for(asyncio.shield(starting), _STORE_TIMEOUT_S)
        except (SQLAlchemyError, OSError) as error:  # TimeoutError is an OSError
            raise NotStored(f"{arrival.kind} could not be stored in time") from error

    def _begin(self, arrival: Arrival) -> asyncio.Task[None]:
        starting = self._starting[arrival.id] = asyncio.create_task(self._start(arrival))
        self._all_stored.clear()
        starting.add_done_callback(lambda done: self._begun(arrival.id, done))
        return starting

    def _begun(self, work_id: str, starting: asyncio.Task[None]) -> None:
        self._starting.pop(work_id, None)
        if not self._starting:
            self._all_stored.set()
        if not starting.cancelled():
            # Whoever still waits has been told; where nobody does, Slack delivers it again.
            starting.exception()

    async def _start(self, arrival: Arrival) -> None:
        work = self._ingest if may_hand_over(arrival.kind, arrival.payload) else self._work
        with SetWorkflowID(arrival.id):
            await DBOS.start_workflow_async(work, arrival.id, arrival.kind, arrival.payload)

    async def result(self, work_id: str) -> Any:
        """Wait for stored work to be done and give what it returned."""
        handle = await DBOS.retrieve_workflow_async(work_id)
        return await handle.get_result(polling_interval_sec=0.05)

    async def has(self, work_id: str) -> bool:
        try:
            return await DBOS.get_workflow_status_async(work_id) is not None
        except (SQLAlchemyError, OSError) as error:
            raise NotStored("the database could not be read") from error

    async def given_up(self) -> list[Stored]:
        """Work that ended the process each time it was taken up, and is not tried again."""
        return await listed(GIVEN_UP)

    async def waiting(self) -> list[Stored]:
        """Work that is stored and not done yet; the newest, should there be more than a hundred pieces."""
        return await listed(UNDER_WAY)

    async def drain(self, timeout_s: float) -> bool:
        """Wait until nothing runs; False if time ran out, and what still runs is taken up at the next start."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End; a short while is given for the outcomes of what has just run to be written."""
        wait_s = 0 if self._running else _OUTCOMES_S
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True, workflow_completion_timeout_sec=wait_s)
        # DBOS makes its own threads the loop's default, and has just ended them: what is closed after it needs some.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())

    async def _run(self, work_id: str, kind: str, payload: dict[str, Any]) -> Any:
        self._running.add(work_id)
        self._idle.clear()
        try:
            await self._stand_back()
            result = await self._handler(work_id, kind, payload)
            if kind == "delete":
                await apart(forget(payload["key"]))
                await asyncio.to_thread(self._empty_log)
            return result
        finally:
            self._running.discard(work_id)
            if not self._running:
                self._idle.set()

    def _empty_log(self) -> None:
        """SQLite's write-ahead log would hold what was deleted until it is written over."""
        if self._sqlite is not None:
            with self._sqlite.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    async def _stand_back(self) -> None:
        """Deliveries first: what is not acknowledged in time comes again, and the answer takes seconds anyhow."""
        try:
            await asyncio.wait_for(self._all_stored.wait(), _STAND_BACK_S)
        except TimeoutError:
            return


def _sqlite_engine(url: str) -> Engine | None:
    """An engine for SQLite, as DBOS sets its own up, but in WAL mode and with few connections; None for other databases.

    SQLite has one writer at a time: those that wait for a connection are woken at once, those that wait for its lock
    sleep in steps of up to 100 ms. With a connection a thread, 200 events at once took longer than Slack waits.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return None
    engine = create_engine(url, pool_size=_SQLITE_CONNECTIONS, max_overflow=0, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    prepare_sqlite(connection, busy_timeout_ms=_BUSY_TIMEOUT_MS)
    connection.execute("PRAGMA foreign_keys=ON")


def _as_function(run: Handler) -> Callable[[str, str, dict[str, Any]], Coroutine[Any, Any, Any]]:
    """DBOS marks what it wraps, and a bound method can't be marked."""

    async def work(work_id: str, kind: str, payload: dict[str, Any]) -> Any:
        return await run(work_id, kind, payload)

    return work


def _hourly(job: Hourly | None) -> Callable[[datetime | str, Any], Coroutine[Any, Any, None]]:
    async def run(scheduled: datetime | str, _context: Any) -> None:
        if job is not None:
            await job(_moment(scheduled))

    return run


def _moment(scheduled: datetime | str) -> datetime:
    at = datetime.fromisoformat(scheduled) if isinstance(scheduled, str) else scheduled  # stored as JSON
    return at.astimezone(UTC)


def _nightly(job: Nightly | None) -> Callable[[datetime | str, Any], Coroutine[Any, Any, None]]:
    async def run(scheduled: datetime | str, _context: Any) -> None:
        at = _moment(scheduled)
        if job is not None:
            await job(at)
        await apart(discard(at - _KEPT))

    return run
