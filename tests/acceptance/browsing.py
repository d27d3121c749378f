"""A workspace process and a browser for tests that look at the page."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect
from slack_sdk.web.async_client import AsyncWebClient

# No sandbox: Chromium refuses one to root, and the page it opens is our own. The rest keeps it off the network.
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WAIT_MS = 15_000  # generous: on a busy machine a page of fifty small files takes its time


@dataclass
class WorkspaceProcess:
    home: Path
    port: int = 0  # 0: a free one, kept from the first start on
    process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tokens(self) -> dict[str, Any]:
        return json.loads((self.home / "tokens.json").read_text())

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.workspace", "--home", str(self.home), "--port", str(self.port)),
            "--no-rate-limits",
            stdout=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        said = await asyncio.wait_for(self.process.stdout.readline(), 20)
        self.port = int(said.decode().rsplit(":", 1)[1])

    async def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        await asyncio.wait_for(self.process.wait(), 10)

    def client(self, user: str | None = None) -> AsyncWebClient:
        """Slack's own client, as a person, or as the bot."""
        token = self.tokens["users"][user]["token"] if user else self.tokens["bot_token"]
        return AsyncWebClient(token=token, base_url=f"{self.address}/api/")

    async def channel(self, name: str, user: str = "ada") -> str:
        answer = await self.client(user).conversations_list(types="public_channel,private_channel")
        channels: list[dict[str, Any]] = answer["channels"] or []
        return next(channel["id"] for channel in channels if channel["name"] == name)


@dataclass
class Visitor:
    """Opens pages, and notes whatever a page should never do.

    A person's wide page is kept for the next test and only led to another place: loading it anew takes a second.
    """

    browser: Browser
    workspace: WorkspaceProcess
    faults: list[str] = field(default_factory=list)
    kept: dict[str, Page] = field(default_factory=dict)

    async def open(self, user: str = "ada", channel: str = "general") -> Page:
        place = await self._place(user, channel)
        if user not in self.kept:
            self.kept[user] = await self.open_anew(user, channel)
        else:
            await self.kept[user].evaluate("place => location.assign(place)", place)
        await self.kept[user].get_by_role("heading", name=channel).wait_for()
        return self.kept[user]

    async def open_anew(self, user: str, channel: str | None = None, *, width: int = 1280, height: int = 800) -> Page:
        size: ViewportSize = {"width": width, "height": height}
        page = await (await self.browser.new_context(viewport=size)).new_page()
        page.set_default_timeout(_WAIT_MS)
        page.set_default_navigation_timeout(4 * _WAIT_MS)
        page.on("console", lambda said: self._note(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("request", lambda request: self._check(request.url))
        await page.goto(f"{self.workspace.address}/{await self._place(user, channel)}")
        await page.get_by_role("button", name="Switch user").wait_for(state="attached")
        return page

    async def _place(self, user: str, channel: str | None) -> str:
        inside = f"&in={await self.workspace.channel(channel, user)}" if channel else ""
        return f"#as={self.workspace.tokens['users'][user]['id']}{inside}"

    def _check(self, address: str) -> None:
        if not address.startswith((self.workspace.address, "blob:", "data:")):
            self.faults.append(f"asked {address}")

    def _note(self, fault: str) -> None:
        # A socket that cannot be opened is said on the console by the browser itself; reconnecting is what is tested.
        if "ERR_CONNECTION_REFUSED" not in fault and "WebSocket" not in fault:
            self.faults.append(fault)


@asynccontextmanager
async def browsing(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        expect.set_options(timeout=_WAIT_MS)
        try:
            yield browser
        finally:
            await browser.close()
