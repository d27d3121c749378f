"""The running bot's own door for the short commands: a Unix socket, mode 0600, below TANDEM_HOME.

Only the bot's own user can open it, so it asks for no token. A line of JSON per result comes back.
"""

import json
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import httpx
from aiohttp import ClientConnectionResetError, web

from bot.errors import BotError, ControlError
from bot.operations import Asked, Operations
from bot.shapes import Json
from knowledge.errors import KnowledgeError
from router.errors import RouterError

_log = logging.getLogger(__name__)
_NDJSON = "application/x-ndjson"
_ANSWER_TIMEOUT_S = 600.0
# What a command under way gets to end in; one that waits for the model would hold the end up for aiohttp's minute.
_LAST_WORDS_S = 5.0


def socket_path(home: Path) -> Path:
    return home / "run" / "tandem.sock"


@asynccontextmanager
async def serving(home: Path, operations: Operations) -> AsyncGenerator[None]:
    """Answer the short commands for as long as the context lasts."""
    place = socket_path(home)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.parent.chmod(0o700)
    place.unlink(missing_ok=True)
    runner = web.AppRunner(_application(operations), access_log=None, shutdown_timeout=_LAST_WORDS_S)
    await runner.setup()
    with _short_name(place) as short:
        await web.UnixSite(runner, short).start()
    place.chmod(0o600)
    try:
        yield
    finally:
        await runner.cleanup()
        place.unlink(missing_ok=True)


class RemoteOperations:
    """The same operations, done by the running bot."""

    def __init__(self, home: Path) -> None:
        self._place = socket_path(home)

    async def reachable(self) -> bool:
        """Whether a bot runs there and listens."""
        if not self._place.exists():
            return False
        try:
            async with self._client() as client:
                return (await client.get("/")).is_success
        except httpx.HTTPError:
            return False

    async def ask(self, asked: Asked) -> AsyncIterator[Json]:
        async for line in self._lines("/ask", asdict(asked)):
            yield line

    async def explain(self, asked: Asked) -> Json:
        (explained,) = [line async for line in self._lines("/explain", asdict(asked))]
        return explained

    async def search(self, text: str, *, limit: int, audience: str) -> list[Json]:
        told = {"text": text, "limit": limit, "audience": audience}
        return [line async for line in self._lines("/search", told)]

    async def learnable(self, *, limit: int, seed: int) -> list[Json]:
        return [line async for line in self._lines("/learnable", {"limit": limit, "seed": seed})]

    async def ingest(self, places: list[str], *, scope: str, whole_site: bool = False) -> AsyncIterator[Json]:
        told = {"places": places, "scope": scope, "whole_site": whole_site}
        async for line in self._lines("/ingest", told):
            yield line

    async def documents(self, *, audience: str) -> list[Json]:
        return [line async for line in self._lines("/documents", {"audience": audience})]

    async def set_aside(self, *, audience: str) -> list[Json]:
        return [line async for line in self._lines("/set-aside", {"audience": audience})]

    async def remove(self, reference: str, *, audience: str) -> Json:
        told = {"reference": reference, "audience": audience}
        (removed,) = [line async for line in self._lines("/remove", told)]
        return removed

    async def indexed(self, document_ids: list[str]) -> Json:
        (counts,) = [line async for line in self._lines("/indexed", {"document_ids": document_ids})]
        return counts

    async def clear_index(self, document_ids: list[str]) -> None:
        (_,) = [line async for line in self._lines("/clear-index", {"document_ids": document_ids})]

    async def refresh(self, reference: str, *, audience: str) -> AsyncIterator[Json]:
        async for line in self._lines("/refresh", {"reference": reference, "audience": audience}):
            yield line

    async def _lines(self, path: str, told: Json) -> AsyncIterator[Json]:
        try:
            async with self._client() as client, client.stream("POST", path, json=told) as response:
                async for line in response.aiter_lines():
                    answer: Json = json.loads(line)
                    if "problem" in answer:
                        raise ControlError(answer["problem"])
                    yield answer
        except (httpx.HTTPError, ValueError) as error:
            raise ControlError("the running bot broke off: see its log, and try again") from error

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[httpx.AsyncClient]:
        with _short_name(self._place) as short:
            transport = httpx.AsyncHTTPTransport(uds=short)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://tandem", timeout=httpx.Timeout(_ANSWER_TIMEOUT_S, connect=5)
            ) as client:
                yield client


class _short_name:  # noqa: N801 — reads as a function in a with statement
    """The socket's path by way of an open folder: a Unix socket's own path may have 107 bytes only."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __enter__(self) -> str:
        self._folder = os.open(self._place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder}/{self._place.name}"

    def __exit__(self, *_: object) -> None:
        os.close(self._folder)


def _application(operations: Operations) -> web.Application:
    answers: Mapping[str, Callable[[Json], AsyncIterator[Json]]] = {
        "/ask": lambda told: operations.ask(Asked(**told)),
        "/explain": lambda told: _one(operations.explain(Asked(**told))),
        "/search": lambda told: _several(operations.search(**told)),
        "/learnable": lambda told: _several(operations.learnable(**told)),
        "/ingest": lambda told: operations.ingest(**told),
        "/documents": lambda told: _several(operations.documents(**told)),
        "/set-aside": lambda told: _several(operations.set_aside(**told)),
        "/remove": lambda told: _one(operations.remove(**told)),
        "/indexed": lambda told: _one(operations.indexed(**told)),
        "/clear-index": lambda told: _done(operations.clear_index(**told)),
        "/refresh": lambda told: operations.refresh(**told),
    }

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def answer(request: web.Request) -> web.StreamResponse:
        return await _stream(request, answers[request.path](await request.json()))

    application = web.Application()
    application.add_routes([web.get("/", alive), *(web.post(path, answer) for path in answers)])
    return application


async def _several(found: Awaitable[list[Json]]) -> AsyncIterator[Json]:
    for each in await found:
        yield each


async def _one(found: Awaitable[Json]) -> AsyncIterator[Json]:
    yield await found


async def _done(work: Awaitable[None]) -> AsyncIterator[Json]:
    """An empty line, when it is."""
    await work
    yield {}


async def _stream(request: web.Request, lines: AsyncIterator[Json]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": _NDJSON})
    await response.prepare(request)
    try:
        async for line in _or_problem(lines):
            await response.write(_line(line))
        await response.write_eof()
    except ClientConnectionResetError:
        _log.info("the command was broken off by whoever gave it")
    return response


async def _or_problem(lines: AsyncIterator[Json]) -> AsyncIterator[Json]:
    """The lines, and where they break off a last one with what went wrong."""
    try:
        async for line in lines:
            yield line
    except (BotError, KnowledgeError, RouterError) as error:
        yield {"problem": str(error)}
    except Exception:  # noqa: BLE001 — the edge of the process: the person gets a sentence, the log the rest
        _log.exception("a command failed")
        yield {"problem": "something went wrong in the running bot: see its log"}


def _line(line: Json) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"
