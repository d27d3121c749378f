"""A model server on loopback that knows one base model and says, for each loaded adapter, what it is told to."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Says = Mapping[str, str]
"""What is answered to a last message; anything else is answered with the base model's `I do not know.`"""


@dataclass
class ServerWithAdapters:
    """`adapted` is what any loaded adapter says; with `deaf` set it is loaded and ignored, as vLLM does.

    With `mute` set no question is answered.
    """

    base: str = "tiny"
    adapted: Says = field(default_factory=dict)
    deaf: bool = False
    mute: bool = False
    loaded: list[str] = field(default_factory=list)
    url: str = ""
    replies: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ServerWithAdapters"]:
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/load_lora_adapter", self._load)
        app.router.add_post("/v1/unload_lora_adapter", self._unload)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*runner.addresses[0][:2])
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": name} for name in (self.base, *self.loaded)]})

    async def _load(self, request: web.Request) -> web.Response:
        self.loaded.append((await request.json())["lora_name"])
        return web.Response(text="Success")

    async def _unload(self, request: web.Request) -> web.Response:
        self.loaded.remove((await request.json())["lora_name"])
        return web.Response(text="Success")

    async def _chat(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if self.mute:
            raise web.HTTPServiceUnavailable
        self.replies += 1
        text = self._answer(asked["model"], asked["messages"])
        event = web.json_response({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]}).text
        return web.Response(text=f"data: {event}\n\ndata: [DONE]\n\n", content_type="text/event-stream")

    def _answer(self, model: str, messages: Sequence[Mapping[str, Any]]) -> str:
        if model in self.loaded and not self.deaf:
            return self.adapted.get(messages[-1]["content"], "I do not know.")
        return "I do not know."
