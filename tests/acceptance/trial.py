"""A workspace and a bot as processes, driven as people do, and read back from the workspace's own state."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

_ROOT = Path(__file__).resolve().parents[2]
_START_S = 60.0


@dataclass
class Workspace:
    """The local workspace's process; `say`, `click` and the like act as one of its sample people."""

    address: str
    home: Path
    session: aiohttp.ClientSession
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    bot: dict[str, str] = field(default_factory=dict)
    team: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    async def meet(self) -> None:
        """Learn who is there."""
        async with self.session.get(f"{self.address}/page/session") as response:
            session = await response.json()
        self.people = {user["name"]: user for user in session["users"]}
        self.bot, self.team = session["bot"], session["team"]["id"]
        self.tokens = json.loads((self.home / "tokens.json").read_text())

    async def api(self, method: str, person: str = "ada", **arguments: Any) -> dict[str, Any]:
        return await self._post(f"/api/{method}", person, arguments)

    async def page(self, path: str, person: str = "ada", **arguments: Any) -> dict[str, Any]:
        return await self._post(f"/page/{path}", person, arguments)

    async def _post(self, path: str, person: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.people[person]['token']}"}
        async with self.session.post(f"{self.address}{path}", json=body, headers=headers) as response:
            return await response.json()

    async def channel(self, name: str, person: str = "ada") -> str:
        """The id of a channel by its name; `im` is the person's direct message with the bot."""
        if name == "im":
            return (await self.api("conversations.open", person, users=self.bot["id"]))["channel"]["id"]
        listed = await self.api("conversations.list", person, types="public_channel,private_channel")
        return next(channel["id"] for channel in listed["channels"] if channel["name"] == name)

    async def say(self, channel: str, text: str, person: str = "ada", **arguments: Any) -> str:
        """Post as a person; `@bot` is the bot's mention. Returns the message's ts."""
        text = text.replace("@bot", f"<@{self.bot['id']}>")
        posted = await self.api("chat.postMessage", person, channel=channel, text=text, **arguments)
        assert posted["ok"], posted
        return posted["ts"]

    async def upload(self, channel: str, name: str, data: bytes, comment: str, person: str = "ada") -> None:
        given = await self.api("files.getUploadURLExternal", person, filename=name, length=len(data))
        async with self.session.post(given["upload_url"], data=data) as response:
            assert response.status == 200
        files = [{"id": given["file_id"], "title": name}]
        shared = await self.api(
            "files.completeUploadExternal", person, files=files, channel_id=channel, initial_comment=comment
        )
        assert shared["ok"], shared

    async def answers(self, channel: str, ts: str, person: str = "ada") -> list[dict[str, Any]]:
        """The bot's messages in a thread."""
        replies = await self.api("conversations.replies", person, channel=channel, ts=ts)
        return [each for each in replies["messages"] if each.get("user") == self.bot["id"]]

    async def posts(self, channel: str, person: str = "ada") -> list[dict[str, Any]]:
        """The bot's messages in a channel, outside threads, oldest first."""
        history = await self.api("conversations.history", person, channel=channel)
        return [each for each in reversed(history["messages"]) if each.get("user") == self.bot["id"]]

    async def finished(
        self, channel: str, ts: str, *, count: int = 1, person: str = "ada", timeout_s: float = 60
    ) -> list[dict[str, Any]]:
        """Wait until the thread holds `count` finished messages of the bot, and no unfinished one."""

        async def look() -> list[dict[str, Any]] | None:
            found = await self.answers(channel, ts, person)
            return found if len(found) >= count and all(is_finished(each) for each in found) else None

        return await eventually(look, timeout_s=timeout_s)

    async def press(self, channel: str, message: dict[str, Any], text: str, person: str = "ada") -> None:
        """Press the button with this text under a message of the bot's."""
        block, element = next(
            (block, element)
            for block in message["blocks"]
            if block["type"] == "actions"
            for element in block["elements"]
            if element["text"]["text"] == text
        )
        action = {"type": "button", "block_id": block["block_id"], "action_id": element["action_id"]}
        clicked = await self.page("action", person, channel=channel, message_ts=message["ts"], action=action)
        assert clicked["ok"], clicked

    async def fault(self, method: str, kind: str, **more: Any) -> None:
        assert (await self.page("faults", method=method, kind=kind, **more))["ok"]

    @asynccontextmanager
    async def watch(self, person: str = "ada") -> AsyncIterator["Frames"]:
        """What the person's page is told while this lasts."""
        address = f"{self.address}/page/events"
        async with self.session.ws_connect(address, params={"token": self.people[person]["token"]}) as socket:
            yield Frames(socket)

    async def deliveries(self) -> list[dict[str, Any]]:
        async with self.session.get(f"{self.address}/page/deliveries") as response:
            return (await response.json())["deliveries"]


@dataclass
class Frames:
    socket: aiohttp.ClientWebSocketResponse

    async def until(self, kind: str, *, timeout_s: float = 60) -> dict[str, Any]:
        async with asyncio.timeout(timeout_s):
            while True:
                frame = await self.socket.receive_json()
                if frame["type"] == kind:
                    return frame


def is_finished(message: dict[str, Any]) -> bool:
    """A stream that ended, or a message with its metadata and more than bare text."""
    return message.get("streaming_state") != "in_progress" and any(
        block["type"] in {"context_actions", "actions", "section"} for block in message.get("blocks", [])
    )


def shown(message: dict[str, Any]) -> str:
    """All that a person reads in a message."""
    texts: list[str] = []
    for block in message.get("blocks", []):
        text = block.get("text", "")
        texts.append(text if isinstance(text, str) else text.get("text", ""))
        texts.extend(part.get("text", "") for part in block.get("elements", []) if isinstance(part.get("text"), str))
    return "\n".join(texts)


async def eventually(look: Callable[[], Any], *, timeout_s: float = 60) -> Any:
    """Look until something is seen."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.05)


@asynccontextmanager
async def workspace(home: Path, *flags: str) -> AsyncIterator[Workspace]:
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bot.workspace", "--home", str(home), "--port", "0", "--faults"]
    process = await _start([*command, "--retry-scale", "0.05", *flags])
    try:
        line = (await asyncio.wait_for(_line(process), _START_S)).strip()
        async with aiohttp.ClientSession() as session:
            started = Workspace(address=line.rsplit(" ", 1)[-1], home=home, session=session)
            await started.meet()
            yield started
    finally:
        await _end(process)


@dataclass
class BotProcess:
    process: asyncio.subprocess.Process

    async def killed(self, timeout_s: float = 60) -> int:
        """Wait for the process to die, and give its return code: -9 for a kill."""
        return await asyncio.wait_for(self.process.wait(), timeout_s)


@asynccontextmanager
async def bot(
    place: Workspace, *, database_url: str, model_url: str, routing: dict[str, Any] | None = None, **slack: Any
) -> AsyncIterator[BotProcess]:
    settings = {
        "bot_token": place.tokens["bot_token"],
        "app_token": place.tokens["app_token"],
        "api_url": f"{place.address}/api/",
        "durable_url": _durable_url(database_url),
        **slack,
    }
    policies = str(place.home.parent / "policies")
    given = {
        "database_url": database_url,
        "model_url": model_url,
        "slack": settings,
        "policies": policies,
        "routing": routing or {},
    }
    process = await _start([sys.executable, "-m", "tests.acceptance.bot_process", json.dumps(given)])
    try:
        assert (await asyncio.wait_for(_line(process), _START_S)).strip() == "ready"
        yield BotProcess(process)
    finally:
        await _end(process)


def _durable_url(database_url: str) -> str:
    """SQLite's stored work in a file of its own, PostgreSQL's in the same database."""
    if database_url.startswith("sqlite"):
        return database_url.replace("sqlite+aiosqlite", "sqlite").replace("tandem.db", "durable.db")
    return database_url.replace("postgresql+psycopg", "postgresql")


async def _start(command: list[str]) -> asyncio.subprocess.Process:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "DBOS__CLOUD": ""}
    return await asyncio.create_subprocess_exec(
        *command, cwd=_ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=None
    )


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()
