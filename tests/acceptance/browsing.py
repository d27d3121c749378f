"""A workspace process and a browser for tests that look at the page."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, ViewportSize, async_playwright
from slack_sdk.web.async_client import AsyncWebClient

# No sandbox: Chromium refuses one to root, and the page it opens is our own. The rest keeps it off the network.
_ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
_WAIT_MS = 5000


@dataclass
class WorkspaceProcess:
    home: Path
    port: int
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
        assert self.address in said.decode()

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
        return next(channel["id"] for channel in answer["channels"] if channel["name"] == name)


@dataclass
class Visitor:
    """Opens pages, and notes whatever a page should never do."""

    browser: Browser
    workspace: WorkspaceProcess
    faults: list[str] = field(default_factory=list)

    async def open(
        self, user: str = "ada", channel: str | None = None, *, width: int = 1280, height: int = 800, **context: Any
    ) -> Page:
        size: ViewportSize = {"width": width, "height": height}
        tab = await (await self.browser.new_context(viewport=size, **context)).new_page()
        tab.set_default_timeout(_WAIT_MS)
        tab.on("console", lambda said: self._note(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: self._note(str(error)))
        tab.on("request", lambda request: self._check(request.url))
        place = f"as={self.workspace.tokens['users'][user]['id']}"
        if channel:
            place += f"&in={await self.workspace.channel(channel, user)}"
        await tab.goto(f"{self.workspace.address}/#{place}")
        await tab.get_by_role("button", name="Switch user").wait_for(state="attached")
        return tab

    def _check(self, address: str) -> None:
        if not address.startswith((self.workspace.address, "blob:", "data:")):
            self.faults.append(f"asked {address}")

    def _note(self, fault: str) -> None:
        # A socket that cannot be opened is said on the console by the browser itself; reconnecting is what is tested.
        if "ERR_CONNECTION_REFUSED" not in fault and "WebSocket" not in fault:
            self.faults.append(fault)

    async def close(self) -> None:
        for context in self.browser.contexts:
            await context.close()


@asynccontextmanager
async def browsing(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()
