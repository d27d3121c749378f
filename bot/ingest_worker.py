"""One of several processes that take documents in: it is handed one after another, and says what became of each."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from bot.assembly import load_configuration
from bot.database import open_engine
from bot.errors import BotError
from knowledge.documents import IngestResult, Origin
from knowledge.errors import KnowledgeError
from knowledge.library import Library, open_library
from knowledge.sources import Source

log = logging.getLogger("tandem.ingest")

_BROKEN = "Something went wrong on Tandem's side while this was read: the log says what"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A document, its content with it; `number` is what the result is known by."""

    number: int
    source: Source
    scope: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a document. A `problem` is none of its own: a sentence on what all of them need, and is away."""

    number: int = 0
    result: IngestResult | None = None
    problem: str = ""


def main(handed: Connection, told: Connection, workers: int) -> None:
    """Serve until what is `handed` ends; one of so many `workers`, which share the processor."""
    asyncio.run(_open_and_serve(handed, told, workers))


async def serve(handed: Connection, told: Connection, library: Library) -> None:
    """Tell that it begins, and take in what comes, side by side, until that ends."""
    # Ctrl-C is for the process that started it, which closes its end then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told.send(Done())
    telling = asyncio.Lock()

    async def tell(done: Done) -> None:
        async with telling:
            await asyncio.to_thread(_send, told, done)

    running: set[asyncio.Task[None]] = set()
    while (document := await asyncio.to_thread(_receive, handed)) is not None:
        task = asyncio.create_task(_take_in(document, library, tell))
        running.add(task)
        task.add_done_callback(running.discard)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def _open_and_serve(handed: Connection, told: Connection, workers: int) -> None:
    try:
        configuration = load_configuration()
        engine = open_engine(configuration.database)
        settings = configuration.knowledge
        if not settings.embedding_workers:
            share = max(1, len(os.sched_getaffinity(0)) // workers)
            settings = settings.model_copy(update={"embedding_workers": share})
        library = await open_library(settings, engine)
    except (BotError, KnowledgeError) as error:
        told.send(Done(problem=str(error)))
        return
    try:
        await serve(handed, told, library)
    finally:
        await library.close()
        await engine.dispose()


async def _take_in(handed: Handed, library: Library, tell: Callable[[Done], Awaitable[None]]) -> None:
    try:
        result = await library.take_in(handed.source, handed.scope, handed.origin)
    except KnowledgeError as error:
        await tell(Done(number=handed.number, problem=str(error)))
    except Exception:  # the edge of the process: no document keeps the others from being read
        log.exception("%s could not be read", handed.source.uri)
        uri, name = handed.source.uri, handed.source.name
        await tell(Done(number=handed.number, result=IngestResult(uri=uri, title=name, status="failed", error=_BROKEN)))
    else:
        await tell(Done(number=handed.number, result=result))


def _receive(connection: Connection) -> Handed | None:
    try:
        return connection.recv()
    except (EOFError, OSError):
        return None


def _send(connection: Connection, done: Done) -> None:
    try:
        connection.send(done)
    except OSError:
        # Nobody is left who waits for it.
        return
