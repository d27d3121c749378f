"""A Slack that answers from a table of replies, for the parts that only read; one that is a server; and parts without documents."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.assembly import Configuration, Parts
from bot.errors import SlackRefused
from bot.settings import BotSettings
from bot.slack import Slack
from knowledge.settings import KnowledgeSettings
from router.journal import Journal
from router.model import ModelClient
from router.policies import Policies
from router.releases import Releases
from router.settings import RouterSettings

Reply = dict[str, Any] | Exception | Callable[..., dict[str, Any]]


class FakeSlack:
    """`replies` by method; `calls` is what was asked."""

    def __init__(self, **replies: Reply) -> None:
        self.replies = {name.replace("__", "."): reply for name, reply in replies.items()}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def read(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(method, arguments)

    async def write(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(method, arguments)

    def _answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((method, arguments))
        reply = self.replies.get(method, SlackRefused(method, "unknown_method"))
        if isinstance(reply, Exception):
            raise reply
        return reply(**arguments) if callable(reply) else reply


@asynccontextmanager
async def slack_that(answers: Callable[[str, Any], web.Response]) -> AsyncIterator[Slack]:
    """The door to a real server, which answers a method and what was sent with it."""

    async def respond(request: web.Request) -> web.Response:
        sent = await request.json() if request.method == "POST" else dict(request.query)
        return answers(request.match_info["method"], sent)

    app = web.Application()
    app.router.add_route("*", "/api/{method}", respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with Slack(token="xoxb-1", api_url=f"http://{host}:{port}/api/") as slack:
        yield slack
    await runner.cleanup()


def person(**marks: Any) -> dict[str, Any]:
    return {
        "user": {"id": "U1", "team_id": "T1", "real_name": "Ada Okafor", "profile": {"display_name": "ada"}, **marks}
    }


def channel(kind: str = "public", **marks: Any) -> dict[str, Any]:
    kinds = {
        "public": {"id": "C1", "is_channel": True, "is_private": False},
        "private": {"id": "C1", "is_channel": True, "is_private": True},
        "group": {"id": "G1", "is_mpim": True, "is_private": True},
        "direct": {"id": "D1", "is_im": True},
    }
    return {"channel": {"name": "general", **kinds[kind], **marks}}


def configuration_of(*, home: Path, **knowledge: Any) -> Configuration:
    return Configuration(
        bot=BotSettings(home=home), router=RouterSettings(), knowledge=KnowledgeSettings(home=home, **knowledge)
    )


def parts_of(*, home: Path, engine: AsyncEngine, model_url: str) -> Parts:
    """Parts around a model server elsewhere; nothing is searched or routed. Close its model."""
    settings = RouterSettings(model_url=model_url)
    not_asked = cast("Any", None)
    return Parts(
        configuration=Configuration(
            bot=BotSettings(home=home), router=settings, knowledge=KnowledgeSettings(home=home)
        ),
        engine=engine,
        library=not_asked,
        model=ModelClient(url=model_url, settings=settings),
        journal=Journal(engine),
        releases=Releases(engine),
        policies=Policies(home / "policies"),
        router=not_asked,
    )


class InlineQueue:
    """Does documents where they are waited for, one after another and each id once; outcomes are kept as JSON."""

    def __init__(self) -> None:
        self.run: Callable[[str, str, dict[str, Any]], Awaitable[Any]] | None = None
        self.kept: dict[str, str] = {}

    async def outcomes(self, documents: Mapping[str, dict[str, Any]]) -> AsyncIterator[tuple[str, Any]]:
        assert self.run is not None
        for work_id, payload in documents.items():
            if work_id not in self.kept:
                self.kept[work_id] = json.dumps(await self.run(work_id, "document", payload))
            yield work_id, json.loads(self.kept[work_id])


class ShowingSlack(FakeSlack):
    """Keeps what stands in its channels: (channel, text) by timestamp; `whispers` is what one person was shown."""

    def __init__(self, **replies: Any) -> None:
        self.shown: dict[str, tuple[str, str]] = {}
        self.blocks: dict[str, str] = {}
        self.whispers: list[str] = []
        self._ts = count(500)
        super().__init__(
            users__info=person(), conversations__info=channel(), conversations__replies={"messages": []},
            conversations__members={"members": ["U1"]},
            users__conversations={"channels": [{"id": "C1"}]}, conversations__history={"messages": []}, conversations__open={"channel": {"id": "D1"}},
            chat__postMessage=self._post, chat__update=self._update, chat__delete=self._delete,
            chat__postEphemeral=self._whisper, **replies,
        )  # fmt: skip

    def _post(self, *, channel: str, text: str, **rest: Any) -> dict[str, Any]:
        return self._update(ts=f"{next(self._ts)}.1", channel=channel, text=text, **rest)

    def _update(self, *, ts: str, channel: str, text: str, **rest: Any) -> dict[str, Any]:
        self.shown[ts] = (channel, text)
        self.blocks[ts] = str(rest.get("blocks"))
        return {"ts": ts}

    def _delete(self, *, ts: str, **_: Any) -> dict[str, Any]:
        del self.shown[ts]
        return {}

    def _whisper(self, *, text: str, **_: Any) -> dict[str, Any]:
        self.whispers.append(text)
        return {}

    def texts(self) -> list[str]:
        return [text for _, text in self.shown.values()]

    def said(self) -> list[str]:
        """All that was ever shown, also what was written over since."""
        return [arguments["text"] for _, arguments in self.calls if "text" in arguments]
