"""A scripted model server on loopback, and a search that finds what it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from knowledge.audience import Audience
from knowledge.documents import Passage
from knowledge.filters import UNFILTERED, SearchFilter

Reply = str | Callable[[list[dict[str, str]]], str]


@dataclass
class ScriptedModel:
    """Behaves as `mode` says: good, slow, cut, error, hanging, stalled, garbage, not_events, endless, refused, deaf_line,
    unweighed. `sure` gives the log-probability of each token of an answer; `forced` is said where words are forbidden.
    """

    reply: Reply = "All good."
    mode: str = "good"
    pause_s: float = 0.0
    forced: str = ""
    sure: Callable[[list[dict[str, str]]], float] = lambda _: -0.5
    names: list[str] = field(default_factory=lambda: ["base"])
    requests: list[dict] = field(default_factory=list)
    loads: list[dict] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    closed_early: int = 0
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedModel"]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/load_lora_adapter", self._load)
        app.router.add_post("/v1/unload_lora_adapter", self._unload)
        app.router.add_get("/health", self._health)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(status=503 if self.mode == "error" else 200)

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name} for name in self.names]})

    async def _load(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.loads.append(asked)
        if self.mode == "refused":
            return web.json_response({"error": {"message": "no such folder"}}, status=400)
        self.names.append(asked["lora_name"])
        return web.Response(text="Success")

    async def _unload(self, request: web.Request) -> web.Response:
        self.names.remove((await request.json())["lora_name"])
        return web.Response(text="Success")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.requests.append(asked)
        self.headers.append(dict(request.headers))
        if self.mode == "error":
            return web.json_response({"error": "out of memory"}, status=500)
        if self.mode == "refused":
            return web.json_response({"error": {"message": "too long"}}, status=400)
        if asked["model"] not in self.names:
            return web.json_response({"error": {"message": "no such model"}}, status=404)
        if self.mode == "hanging":
            await asyncio.sleep(60)
        if asked.get("logprobs"):
            return web.json_response(self._weighed(asked))
        if self.mode == "not_events":
            return web.Response(text="<html>Log in</html>", content_type="text/html")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        try:
            await self._write(response, asked)
        except (ConnectionError, asyncio.CancelledError):
            self.closed_early += 1
            raise
        return response

    def _weighed(self, asked: dict) -> dict:
        """Each token is as likely as `sure` says of the prompt, a decline always alike."""
        pieces = _pieces(self.reply if isinstance(self.reply, str) else self.reply(asked["messages"]))
        if asked.get("bad_words"):
            pieces = _pieces(self.forced)
        said, logprob = pieces[: asked["max_tokens"]], self.sure(asked["messages"])
        content = [
            {
                "token": piece,
                "logprob": logprob,
                "top_logprobs": [
                    {"token": piece, "logprob": logprob},
                    {"token": "The", "logprob": -2.0},
                    {"token": "Ten", "logprob": -4.0},
                ][: asked["top_logprobs"]],
            }
            for piece in said
        ]
        return {
            "choices": [
                {
                    "message": {"content": "".join(said)},
                    "logprobs": None if self.mode == "unweighed" else {"content": content},
                    "finish_reason": "length" if len(said) < len(pieces) else "stop",
                }
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": len(said)},
        }

    async def _write(self, response: web.StreamResponse, asked: dict) -> None:
        if self.mode == "garbage":
            await response.write(b"data: \xff\xfe{{{ not json\n\n")
            return
        if self.mode == "deaf_line":
            await response.write(b"x" * 3_000_000)
            return
        await _event(response, {"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        if self.mode == "endless":
            while True:
                await _event(response, _delta("and so on "))
                await asyncio.sleep(0)
        pieces = _pieces(self.reply if isinstance(self.reply, str) else self.reply(asked["messages"]))
        for number, piece in enumerate(pieces):
            if self.mode == "cut" and number == len(pieces) // 2:
                return
            if self.mode == "broken" and number == len(pieces) // 2:
                await _event(response, {"error": {"message": "engine died", "code": 500}})
                return
            if self.mode == "stalled" and number == 1:
                await asyncio.sleep(60)
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
            await _event(response, _delta(piece))
        finish = "length" if self.mode == "length" else "stop"
        await _event(response, {"choices": [{"delta": {}, "finish_reason": finish}]})
        await _event(response, {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(pieces)}})
        await response.write(b"data: [DONE]\n\n")


def _pieces(text: str) -> list[str]:
    """Like a tokenizer's: a word with the space before it."""
    words = text.split(" ")
    return [words[0], *(f" {word}" for word in words[1:])]


def _delta(text: str) -> dict:
    return {"choices": [{"delta": {"content": text}}]}


async def _event(response: web.StreamResponse, event: dict) -> None:
    await response.write(f"data: {json.dumps(event)}\n\n".encode())


@dataclass
class FakeSearch:
    """Finds `passages` the audience may read; `by_word` adds those whose word stands in the query."""

    passages: Sequence[Passage] = ()
    by_word: dict[str, Sequence[Passage]] = field(default_factory=dict)
    error: Exception | None = None
    delay_s: float = 0.0
    queries: list[str] = field(default_factory=list)
    widened_to: list[int] = field(default_factory=list)
    filters: list[SearchFilter] = field(default_factory=list)

    async def __call__(
        self, query: str, audience: Audience, *, limit: int = 8, widen_to: int = 0, only: SearchFilter = UNFILTERED
    ) -> list[Passage]:
        self.queries.append(query)
        self.filters.append(only)
        self.widened_to.append(widen_to)
        await asyncio.sleep(self.delay_s)
        if self.error:
            raise self.error
        found = [*self.passages]
        for word, passages in self.by_word.items():
            if word in query.lower():
                found = [*passages, *found]
        return [passage for passage in found if audience.may_read(passage.scope)][:limit]


def passage(text: str, *, title: str = "Handbook", similarity: float = 0.6, **fields: str) -> Passage:
    uri = fields.get("uri", f"https://handbook.example/{title.lower().replace(' ', '-')}")
    return Passage(
        chunk_id=fields.get("chunk_id", f"c-{abs(hash((title, text)))}"),
        document_id=fields.get("document_id", f"d-{title}"),
        title=title,
        uri=uri,
        section=fields.get("section", ""),
        text=text,
        scope=fields.get("scope", "public"),
        content_hash=fields.get("content_hash", "0" * 64),
        score=similarity,
        similarity=similarity,
    )
