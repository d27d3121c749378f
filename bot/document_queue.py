"""Documents as queued work: each one is done by itself, a few at a time, by whichever process of this database is free."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# DBOS's decorators lose the types of what they wrap.

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from dbos import DBOS, Queue, SetWorkflowID

from bot.payloads import Json
from bot.stored_work import DOCUMENT, UNDER_WAY, apart

Run = Callable[[str, str, Json], Awaitable[Any]]

QUEUE = "documents"
# Parsing is one at a time and embedding takes all cores: more would only wait for pages side by side.
_AT_ONCE = 4
# A poll that finds nothing is two short reads; it adds half of this to what a document takes.
_POLL_S = 0.25
# Who waits hears at once what this process has done; it looks for what others have done, or what was done before.
_LOOK_EVERY_S = 0.5
_LOOK_AT_LEAST_EVERY_S = 10.0


class DocumentQueue:
    """Belongs to one Durable, which registers it before its launch."""

    def __init__(self) -> None:
        self._queue: Queue | None = None
        self._awaited: dict[str, asyncio.Future[Any]] = {}

    def register(self, run: Run) -> None:
        async def document(work_id: str, kind: str, payload: Json) -> Any:
            outcome = await run(work_id, kind, payload)
            awaited = self._awaited.get(work_id)
            if awaited is not None and not awaited.done():
                awaited.set_result(outcome)
            return outcome

        # Tries are counted by the document itself: DBOS would count restarts that it had no part in.
        self._document = DBOS.workflow(name=DOCUMENT, max_recovery_attempts=None)(document)
        self._queue = None

    async def outcomes(self, documents: Mapping[str, Json]) -> AsyncIterator[tuple[str, Any]]:
        """Have each of these done, by work id and payload, and give what came of it as it comes.

        The same id is done once: asked for again, by whoever takes up what a killed process left, what came of it is
        given from the database. Who stops to listen does not stop the work.
        """
        # Outside the work that asks: DBOS would hold it to the order of its earlier run, and it asks anew what is so now.
        await apart(self._enqueue(documents))
        waiting = {work_id: self._await(work_id) for work_id in documents}
        wait_s = 0.0
        try:
            while waiting:
                await asyncio.wait(waiting.values(), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
                done = {work_id: future.result() for work_id, future in waiting.items() if future.done()}
                if not done:
                    done = await apart(_done(list(waiting)))
                    wait_s = min(max(2 * wait_s, _LOOK_EVERY_S), _LOOK_AT_LEAST_EVERY_S)
                for work_id, outcome in done.items():
                    del waiting[work_id]
                    yield work_id, outcome
        finally:
            for work_id in documents:
                self._awaited.pop(work_id, None)

    def _await(self, work_id: str) -> asyncio.Future[Any]:
        return self._awaited.setdefault(work_id, asyncio.get_running_loop().create_future())

    async def _enqueue(self, documents: Mapping[str, Json]) -> None:
        if self._queue is None:
            self._queue = await DBOS.register_queue_async(
                QUEUE, worker_concurrency=_AT_ONCE, polling_interval_sec=_POLL_S, on_conflict="always_update"
            )
        for work_id, payload in documents.items():
            with SetWorkflowID(work_id):
                await self._queue.enqueue_async(self._document, work_id, DOCUMENT, payload)


async def _done(work_ids: list[str]) -> dict[str, Any]:
    """What came of those that are done; None for one that failed altogether, or that was deleted meanwhile."""
    found = await DBOS.list_workflows_async(workflow_ids=work_ids, load_input=False)
    under_way = {each.workflow_id for each in found if each.status in UNDER_WAY}
    outputs = {each.workflow_id: each.output for each in found}
    return {work_id: outputs.get(work_id) for work_id in work_ids if work_id not in under_way}
