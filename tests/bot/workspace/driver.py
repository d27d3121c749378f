"""Drive the local workspace in tests: its process, its people, their clicks, and what can go wrong on the way.

async with running_workspace(tmp_path / "workspace") as workspace:
    asked = await workspace.mention("ada", "handbook", "how many days off?")
    answers = await workspace.answers("handbook", asked)
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[3]
POLL_S = 0.03
START_S = 20.0


class WorkspaceProcess:
    """The workspace's process: it can be killed and started again on the same state and port."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.options = options
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        command = [sys.executable, "-m", "bot.workspace", "--home", str(self.home), "--port", str(self.port)]
        self._process = await asyncio.create_subprocess_exec(
            *command, "--faults", *self.options, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert self._process.stdout is not None
        line = (await asyncio.wait_for(self._process.stdout.readline(), START_S)).decode()
        assert " http://" in line, "the workspace did not start"
        self.port = int(line.rsplit(":", 1)[1])

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(how)
            await process.wait()


class Frames:
    """The live frames of one person's page, kept in order with the time they came."""

    def __init__(self) -> None:
        self.seen: list[Json] = []
        self.at: list[float] = []
        self._more = asyncio.Event()

    def add(self, frame: Json) -> None:
        self.seen.append(frame)
        self.at.append(time.time())
        self._more.set()

    def of_type(self, frame_type: str) -> list[Json]:
        return [frame for frame in self.seen if frame["type"] == frame_type]

    async def wait_for(
        self, frame_type: str, matches: Callable[[Json], bool] = lambda _: True, *, timeout_s: float = 10.0
    ) -> Json:
        """Return the first such frame, from the beginning on."""
        async with asyncio.timeout(timeout_s):
            while True:
                self._more.clear()
                for frame in self.of_type(frame_type):
                    if matches(frame):
                        return frame
                await self._more.wait()


class Workspace:
    """A running workspace; people are named as in the sample (ada, jonas, sam), channels without #."""

    def __init__(self, process: WorkspaceProcess) -> None:
        self.process = process
        self.tokens: Json = json.loads((process.home / "tokens.json").read_text())
        self.bot_token: str = self.tokens["bot_token"]
        self.app_token: str = self.tokens["app_token"]
        self.signing_secret: str = self.tokens["signing_secret"]
        self.team: str = self.tokens["team_id"]
        self.people: dict[str, str] = {name: user["id"] for name, user in self.tokens["users"].items()}
        self.channels: dict[str, str] = {}
        self.bot_user = ""
        self._http = aiohttp.ClientSession()
        self._readers: list[asyncio.Task[None]] = []

    @property
    def api_url(self) -> str:
        return f"{self.process.address}/api/"

    async def __aenter__(self) -> Self:
        session = await self._page("GET", "session")
        self.bot_user = session["bot"]["id"]
        for name in self.people:
            listed = await self.person(name).conversations_list(types="public_channel,private_channel,im", limit=1000)
            for channel in _field(listed, "channels"):
                # A direct message with the bot is named for its person: "@ada".
                if not channel["is_im"]:
                    self.channels[channel["name"]] = channel["id"]
                elif channel["user"] == self.bot_user:
                    self.channels[f"@{name}"] = channel["id"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        await self._http.close()

    # Clients

    def bot(self) -> AsyncWebClient:
        return AsyncWebClient(token=self.bot_token, base_url=self.api_url)

    def person(self, name: str) -> AsyncWebClient:
        return AsyncWebClient(token=self.tokens["users"][name]["token"], base_url=self.api_url)

    async def frames(self, name: str) -> Frames:
        """Open a page as `name`; its frames come in from now on."""
        frames = Frames()
        token = self.tokens["users"][name]["token"]
        socket = await self._http.ws_connect(f"{self.process.address}/page/events?token={token}")
        self._readers.append(asyncio.create_task(_read(socket, frames)))
        await frames.wait_for("hello")
        return frames

    # What people do

    async def post(self, name: str, channel: str, text: str, *, thread: str | None = None) -> str:
        """Post as a person; return the message's ts."""
        posted = await self.person(name).chat_postMessage(channel=self.channel(channel), text=text, thread_ts=thread)
        return _field(posted, "ts")

    async def mention(self, name: str, channel: str, text: str, *, thread: str | None = None) -> str:
        return await self.post(name, channel, f"<@{self.bot_user}> {text}", thread=thread)

    async def tell(self, name: str, text: str, *, thread: str | None = None) -> str:
        """Write to the bot in a direct message."""
        return await self.post(name, f"@{name}", text, thread=thread)

    async def edit(self, name: str, channel: str, ts: str, text: str) -> None:
        await self.person(name).chat_update(channel=self.channel(channel), ts=ts, text=text)

    async def delete(self, name: str, channel: str, ts: str) -> None:
        await self.person(name).chat_delete(channel=self.channel(channel), ts=ts)

    async def upload(self, name: str, channel: str, filename: str, data: bytes, *, comment: str = "") -> str:
        """Share a file; return its id."""
        shared = await self.person(name).files_upload_v2(
            channel=self.channel(channel), filename=filename, content=data, initial_comment=comment or None
        )
        return _field(shared, "files")[0]["id"]

    async def keep_file(self, name: str, filename: str, data: bytes) -> str:
        """Upload without sharing, as a form's file input does; return the file's id."""
        kept = await self.person(name).files_upload_v2(filename=filename, content=data)
        return _field(kept, "files")[0]["id"]

    async def command(self, name: str, channel: str, command: str, text: str = "") -> Json:
        body = {"channel": self.channel(channel), "command": command, "text": text}
        return await self._page("POST", "command", body, name)

    async def shortcut(self, name: str, channel: str, ts: str, callback_id: str) -> Json:
        """Choose an entry of a message's menu."""
        body = {"channel": self.channel(channel), "message_ts": ts, "callback_id": callback_id}
        return await self._page("POST", "shortcut", body, name)

    async def click(self, name: str, channel: str, message: Json, *, action_id: str, **chosen: Any) -> Json:
        """Press an element of a message; `value` says which of the feedback buttons."""
        block_id = _block_of(message, action_id)
        body = {"channel": self.channel(channel), "message_ts": message["ts"]}
        action = {"block_id": block_id, "action_id": action_id, **chosen}
        return await self._page("POST", "action", {**body, "action": action}, name)

    async def feedback(self, name: str, channel: str, message: Json, *, positive: bool) -> Json:
        """Press 👍 or 👎 under an answer."""
        buttons = next(
            element
            for block in message["blocks"]
            if block["type"] == "context_actions"
            for element in block["elements"]
            if element["type"] == "feedback_buttons"
        )
        value = buttons["positive_button" if positive else "negative_button"]["value"]
        return await self.click(name, channel, message, action_id=buttons["action_id"], value=value)

    async def click_in_view(self, name: str, view: Json, *, action_id: str, **chosen: Any) -> Json:
        action = {"block_id": _block_of(view, action_id), "action_id": action_id, **chosen}
        return await self._page("POST", "action", {"view_id": view["id"], "action": action}, name)

    async def submit(self, name: str, view: Json, values: Json) -> Json:
        """Submit a form; `values` is by action id, each as in a view's state, without its type."""
        state = {
            block["block_id"]: {block["element"]["action_id"]: values[block["element"]["action_id"]]}
            for block in view["blocks"]
            if block["type"] == "input" and block["element"]["action_id"] in values
        }
        body = {"view_id": view["id"], "type": "submit", "state": {"values": state}}
        return await self._page("POST", "view", body, name)

    async def close_view(self, name: str, view: Json) -> Json:
        return await self._page("POST", "view", {"view_id": view["id"], "type": "close"}, name)

    async def open_home(self, name: str, *, tab: str = "home") -> Json:
        return await self._page("POST", "home", {"tab": tab}, name)

    # What is to be seen

    async def visible_messages(self, channel: str, thread: str | None = None, *, name: str = "ada") -> list[Json]:
        """All messages of a channel (oldest first), or of a thread (its head first), as a person sees them."""
        place = self.channel(channel)
        name = channel.removeprefix("@") if channel.startswith("@") else name
        if thread is not None:
            read = await self.person(name).conversations_replies(
                channel=place, ts=thread, include_all_metadata=True, limit=1000
            )
            return _field(read, "messages")
        read = await self.person(name).conversations_history(channel=place, include_all_metadata=True, limit=999)
        return _field(read, "messages")[::-1]

    async def answers(
        self, channel: str, thread: str, *, count: int = 1, timeout_s: float = 10.0, name: str = "ada"
    ) -> list[Json]:
        """Wait for `count` messages of the bot's in a thread that are not being streamed any more; return them all."""
        finished: list[Json] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    messages = await self.visible_messages(channel, thread, name=name)
                    finished = [message for message in messages[1:] if self._is_finished_answer(message)]
                    if len(finished) >= count:
                        return finished
                    await asyncio.sleep(POLL_S)
        raise AssertionError(f"{len(finished)} of {count} answers after {timeout_s} s: {finished}")

    def _is_finished_answer(self, message: Json) -> bool:
        return message["user"] == self.bot_user and message.get("streaming_state") != "in_progress"

    async def calls(self, method: str | None = None) -> list[Json]:
        """Return the Web API calls so far: method, at, arguments, ok, error, ts."""
        calls = (await self._page("GET", "calls"))["calls"]
        return [call for call in calls if method in {None, call["method"]}]

    async def deliveries(self) -> list[Json]:
        """Return the events for the app: event_id, event_type, attempt, state, created, sent, settled, payload."""
        return (await self._page("GET", "deliveries"))["deliveries"]

    async def settled_deliveries(self, *, timeout_s: float = 10.0) -> list[Json]:
        """Wait until no event is pending; return all."""
        async with asyncio.timeout(timeout_s):
            while any(delivery["state"] == "pending" for delivery in await self.deliveries()):
                await asyncio.sleep(POLL_S)
        return await self.deliveries()

    # What goes wrong

    async def fault(self, method: str, kind: str, *, times: int = 1, **details: Any) -> None:
        """Let the next calls of a Web API method fail.

        `kind`: 429 (`seconds`), 500, error (`error`), hang (`seconds`), drop (cut before it is done), lose (done, then cut).
        Of method "events", duplicate sends the next event twice at once.
        """
        planned = {"method": method, "kind": kind, "times": times, **details}
        answer = await self._page("POST", "faults", planned)
        assert answer["ok"], answer

    async def clear_faults(self) -> None:
        await self._page("DELETE", "faults")

    async def refresh_sockets(self, reason: str = "refresh_requested") -> int:
        """Ask the app to reconnect; return how many connections were asked."""
        return (await self._page("POST", "refresh", {"reason": reason}))["connections"]

    async def change_person(self, name: str, **changes: bool) -> None:
        """Deactivate somebody (deleted=True) or make them a guest (is_restricted=True)."""
        answer = await self._page("POST", "people", {"user": self.people[name], **changes})
        assert answer["ok"], answer

    async def delete_channel(self, name: str) -> None:
        answer = await self._page("POST", "channels", {"channel": self.channel(name)})
        assert answer["ok"], answer

    def channel(self, name: str) -> str:
        """Return the id of a channel named as in the sample; an id is returned as it is."""
        return self.channels.get(name, name)

    async def _page(self, verb: str, path: str, body: Json | None = None, name: str | None = None) -> Json:
        headers = {"Authorization": f"Bearer {self.tokens['users'][name]['token']}"} if name else {}
        url = f"{self.process.address}/page/{path}"
        async with self._http.request(verb, url, json=body, headers=headers) as response:
            return await response.json()


@contextlib.asynccontextmanager
async def running_workspace(home: Path, *options: str) -> AsyncIterator[Workspace]:
    """Start a workspace on a free port with its state in `home`; `options` are of `python -m bot.workspace`."""
    process = WorkspaceProcess(home, *options)
    await process.start()
    try:
        async with Workspace(process) as workspace:
            yield workspace
    finally:
        await process.stop()


def bot_environment(workspace: Workspace) -> dict[str, str]:
    """Return the environment in which a bot's process talks to this workspace."""
    return {
        **os.environ,
        "SLACK_BOT_TOKEN": workspace.bot_token,
        "SLACK_APP_TOKEN": workspace.app_token,
        "SLACK_API_URL": workspace.api_url,
    }


def _field(answer: AsyncSlackResponse, name: str) -> Any:
    return answer[name]


def _block_of(holder: Json, action_id: str) -> str:
    for block in holder["blocks"]:
        elements = [*block.get("elements", []), block.get("accessory") or {}, block.get("element") or {}]
        if any(element.get("action_id") == action_id for element in elements):
            return block["block_id"]
    raise AssertionError(f"nothing to click on is called {action_id} in {holder['blocks']}")


async def _read(socket: aiohttp.ClientWebSocketResponse, frames: Frames) -> None:
    async with socket:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                frames.add(json.loads(message.data))
