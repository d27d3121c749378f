"""Documents in the queue of a real DBOS on SQLite."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dbos import DBOS

from bot.arrivals import Arrival
from bot.document_queue import DocumentQueue
from bot.durable import Durable

_Handler = Callable[[str, str, dict[str, Any]], Awaitable[Any]]
_URLS = [f"https://a.example/{number}" for number in range(6)]
_JOBS = {f"w1:document:{number}": {"name": url} for number, url in enumerate(_URLS)}
_INGEST = Arrival(id="w1", kind="ingest", payload={"urls": _URLS})


@asynccontextmanager
async def _running(folder: Path, handler: _Handler, documents: DocumentQueue) -> AsyncIterator[Durable]:
    durable = Durable(
        database_url=f"sqlite:///{folder / 'durable.db'}", executor_id="bot-1", handler=handler, documents=documents
    )
    durable.launch()
    try:
        yield durable
    finally:
        await durable.close()


class _Ingest:
    """An ingest that waits for its documents; a document hangs while `may_end` is not set."""

    def __init__(self, queue: DocumentQueue) -> None:
        self._queue = queue
        self.may_end = asyncio.Event()
        self.begun: list[str] = []
        self.most_at_once = 0
        self._at_once = 0

    async def handle(self, work_id: str, kind: str, payload: dict[str, Any]) -> Any:
        if kind == "delete":
            return None
        if kind == "ingest":
            return {work_id: outcome async for work_id, outcome in self._queue.outcomes(_JOBS)}
        self.begun.append(payload["name"])
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        if payload["name"] != _URLS[0]:  # one is done at once, the others when they may
            await self.may_end.wait()
        self._at_once -= 1
        return f"read {payload['name']}"


async def _state(work_id: str) -> str:
    status = await DBOS.get_workflow_status_async(work_id)
    return status.status if status else ""


_ALL = {work_id: f"read {payload['name']}" for work_id, payload in _JOBS.items()}


async def test_ingest_that_is_delivered_again_does_each_document_once_a_few_at_a_time(tmp_path: Path) -> None:
    queue = DocumentQueue()
    ingest = _Ingest(queue)
    ingest.may_end.set()
    async with _running(tmp_path, ingest.handle, queue) as durable:
        for _ in range(3):
            await durable.store(_INGEST)
        async with asyncio.timeout(60):
            assert await durable.result("w1") == _ALL
    assert sorted(ingest.begun) == _URLS


async def test_documents_are_begun_up_to_the_limit_and_no_further(tmp_path: Path) -> None:
    queue = DocumentQueue()
    ingest = _Ingest(queue)
    async with _running(tmp_path, ingest.handle, queue) as durable:
        await durable.store(_INGEST)
        async with asyncio.timeout(60):
            while len(ingest.begun) < 5:  # the first is done, four hang
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        assert (len(ingest.begun), ingest.most_at_once) == (5, 4)
        ingest.may_end.set()
        assert await durable.result("w1") == _ALL


async def test_ended_process_goes_on_with_the_documents_that_were_left(tmp_path: Path) -> None:
    first_queue = DocumentQueue()
    first = _Ingest(first_queue)
    async with _running(tmp_path, first.handle, first_queue) as durable:
        await durable.store(_INGEST)
        async with asyncio.timeout(60):
            while len(first.begun) < 5 or await _state("w1:document:0") != "SUCCESS":
                await asyncio.sleep(0.05)
    second_queue = DocumentQueue()
    second = _Ingest(second_queue)
    second.may_end.set()
    async with _running(tmp_path, second.handle, second_queue) as durable:
        async with asyncio.timeout(60):
            assert await durable.result("w1") == _ALL
    assert sorted(second.begun) == _URLS[1:]
    first.may_end.set()


async def test_deleted_message_leaves_nothing_of_the_documents_that_it_named(tmp_path: Path) -> None:
    queue = DocumentQueue()
    ingest = _Ingest(queue)
    ingest.may_end.set()
    async with _running(tmp_path, ingest.handle, queue) as durable:
        await durable.store(_INGEST)
        await durable.result("w1")
        await durable.store(Arrival(id="w1:delete:9", kind="delete", payload={"key": "w1", "name": ""}))
        await durable.result("w1:delete:9")
        assert not await durable.has("w1:document:1")
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("durable.db*"))
    assert b"a.example" not in kept
