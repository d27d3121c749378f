"""Durable work on DBOS: what is stored here is done, though the process is killed on the way."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# DBOS's decorators lose the types of what they wrap.

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any

from dbos import DBOS, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from bot.arrivals import Arrival
from bot.document_queue import DocumentQueue
from bot.errors import NotStored
from bot.executor import Executor
from bot.ingest_form import may_hand_over
from bot.quarantine import TRIES
from bot.schedules import Job, Schedules
from bot.stored_work import GIVEN_UP, INGEST, UNDER_WAY, WORK, Stored, apart, forget, listed

log = logging.getLogger("tandem.durable")

Handler = Callable[[str, str, dict[str, Any]], Awaitable[Any]]
"""Does one piece of work: its id, its kind, its payload. Called again from the start after a crash."""

# The first run and three more: a message that kills the process would otherwise do so for ever.
_ATTEMPTS = 4
# What waits for documents is cut off each time that one of them ends the process. A message brings ten addresses, ten
# files and its text.
_INGEST_ATTEMPTS = _ATTEMPTS + 21 * TRIES
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
        self._executor = Executor(
            application="tandem", work_version="1", executor_id=executor_id, database_url=database_url
        )
        self._handler = handler
        self._documents = documents
        self._running: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._all_stored = asyncio.Event()
        self._all_stored.set()

    def launch(self, *, nightly: Job | None = None, nightly_hour_utc: int = 2, hourly: Job | None = None) -> None:
        """Start, and take up what a killed process left. Must be called inside the event loop that is to run the work."""
        self._executor.configure()
        self._work = DBOS.workflow(name=WORK, max_recovery_attempts=_ATTEMPTS)(_as_function(self._run))
        self._ingest = DBOS.workflow(name=INGEST, max_recovery_attempts=_INGEST_ATTEMPTS)(_as_function(self._run))
        if self._documents is not None:
            self._documents.register(self._run)
        self._schedules = Schedules(nightly=nightly, nightly_hour_utc=nightly_hour_utc, hourly=hourly)
        self._schedules.register()
        DBOS.launch()
        self._schedules.apply()

    async def catch_up(self, now: datetime) -> None:
        """Do the night's work that fell due while nothing ran."""
        await self._schedules.catch_up(now)

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
        await self._executor.close(wait_s=0 if self._running else _OUTCOMES_S)

    async def _run(self, work_id: str, kind: str, payload: dict[str, Any]) -> Any:
        self._running.add(work_id)
        self._idle.clear()
        try:
            await self._stand_back()
            result = await self._handler(work_id, kind, payload)
            if kind == "delete":
                await apart(forget(payload["key"]))
                await asyncio.to_thread(self._executor.empty_log)
            return result
        finally:
            self._running.discard(work_id)
            if not self._running:
                self._idle.set()

    async def _stand_back(self) -> None:
        """Deliveries first: what is not acknowledged in time comes again, and the answer takes seconds anyhow."""
        try:
            await asyncio.wait_for(self._all_stored.wait(), _STAND_BACK_S)
        except TimeoutError:
            return


def _as_function(run: Handler) -> Callable[[str, str, dict[str, Any]], Coroutine[Any, Any, Any]]:
    """DBOS marks what it wraps, and a bound method can't be marked."""

    async def work(work_id: str, kind: str, payload: dict[str, Any]) -> Any:
        return await run(work_id, kind, payload)

    return work
