"""Several processes that take documents in at once; one that is killed is started anew, and what it had is read again."""

import asyncio
import multiprocessing
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from bot import ingest_worker
from bot.errors import WorkerError
from bot.ingest_worker import Done, Handed
from bot.quarantine import TRIES
from knowledge.documents import IngestResult, Origin, failed
from knowledge.sources import Source

Main = Callable[[Connection, Connection, int], None]

# While one of its documents is embedded, a process reads the next.
SEATS = 2
_END_S = 10.0
_KILLED = f"The process that read this ended {TRIES} times: it was left out"


class IngestWorkers:
    """Use as an async context manager, which raises WorkerError where they cannot start."""

    def __init__(self, number: int, *, main: Main = ingest_worker.main) -> None:
        # Their pipes block: threads of their own, else nothing else of this process would find one.
        self._threads = ThreadPoolExecutor(2 * number, thread_name_prefix="ingest workers")
        self._workers = [_Worker(main, number, self._threads) for _ in range(number)]
        self._changed = asyncio.Condition()

    @property
    def at_once(self) -> int:
        """How many documents they read side by side."""
        return SEATS * len(self._workers)

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(worker.start() for worker in self._workers))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def take_in(self, source: Source, scope: str, origin: Origin) -> IngestResult:
        """Have one of them take it in. Raises WorkerError where what all documents need is away.

        Where that process ends before, another does it, alone: were it to end too, nothing else would be blamed.
        """
        for tries in range(TRIES):
            async with self._seat(alone=tries > 0) as worker:
                try:
                    return await worker.take_in(source, scope, origin)
                except _Ended:
                    continue
        return failed(source.uri, source.name, _KILLED)

    @asynccontextmanager
    async def _seat(self, *, alone: bool) -> AsyncGenerator["_Worker"]:
        seats = SEATS if alone else 1
        async with self._changed:
            await self._changed.wait_for(lambda: max(worker.free for worker in self._workers) >= seats)
            worker = max(self._workers, key=lambda each: each.free)
            worker.free -= seats
        try:
            yield worker
        finally:
            async with self._changed:
                worker.free += seats
                self._changed.notify_all()

    async def _end(self) -> None:
        await asyncio.gather(*(worker.end() for worker in self._workers))
        self._threads.shutdown(wait=False)


class _Ended(Exception):
    """The process is gone, whatever it was doing."""


class _Worker:
    """One process after another, should one be killed."""

    def __init__(self, main: Main, number: int, threads: ThreadPoolExecutor) -> None:
        self.free = SEATS
        self._main = main
        self._number = number
        self._threads = threads
        self._numbers = count(1)
        # By a document's number; None comes where the process ended.
        self._waiting: dict[int, asyncio.Future[Done | None]] = {}
        self._starting = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._process: BaseProcess | None = None
        self._to_process: Connection | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        # A fresh interpreter: what is forked would inherit threads' locks and open connections.
        spawning = multiprocessing.get_context("spawn")
        # A pipe for each way: closing the one that is written to ends the process, while the other is still waited on.
        handed, self._to_process = spawning.Pipe(duplex=False)
        from_process, told = spawning.Pipe(duplex=False)
        self._process = spawning.Process(target=self._main, args=(handed, told, self._number), daemon=True)
        self._process.start()
        handed.close()
        told.close()
        begun = await self._receive(from_process)
        if begun is None:
            raise WorkerError("a process that was to take documents in ended as it began: look at what it wrote above")
        if begun.problem:
            raise WorkerError(begun.problem)
        self._listening = asyncio.create_task(self._listen(from_process))

    async def take_in(self, source: Source, scope: str, origin: Origin) -> IngestResult:
        """Raises _Ended, or WorkerError with a sentence on what is away."""
        async with self._starting:
            if self._listening is None or self._listening.done():
                await self.start()
        handed = Handed(number=next(self._numbers), source=source, scope=scope, origin=origin)
        waiting = self._waiting[handed.number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(handed)
            done = await waiting
        finally:
            del self._waiting[handed.number]
        if done is None:
            raise _Ended
        if done.result is None:
            raise WorkerError(done.problem)
        return done.result

    async def end(self) -> None:
        if self._to_process is None or self._process is None:
            return
        self._to_process.close()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._process.join, _END_S)
        if self._process.is_alive():
            self._process.kill()
        if self._listening is not None:
            await self._listening

    async def _listen(self, from_process: Connection) -> None:
        while (done := await self._receive(from_process)) is not None:
            waiting = self._waiting.get(done.number)
            if waiting is not None and not waiting.done():
                waiting.set_result(done)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)

    async def _receive(self, from_process: Connection) -> Done | None:
        """None where the process has ended."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, from_process.recv)
        except (EOFError, OSError):
            return None

    async def _send(self, handed: Handed) -> None:
        if self._to_process is None:
            raise _Ended
        try:
            async with self._sending:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._to_process.send, handed)
        except OSError as error:
            raise _Ended from error
