"""HTTP mode: signed requests to the app's request URL.

https://docs.slack.dev/apis/events-api/using-http-request-urls
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import urlencode

import aiohttp

from bot.workspace.app_link import Outcome
from bot.workspace.json_values import Json, as_object
from bot.workspace.state import encode
from bot.workspace.workspace import Workspace

_OK = range(200, 300)


class HttpMode:
    def __init__(self, workspace: Workspace, url: str) -> None:
        self._workspace = workspace
        self._url = url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=workspace.options.ack_s)
        )
        self._verifying = asyncio.Lock()

    async def send(self, kind: str, payload: Json, *, attempt: int = 0, reason: str = "") -> Outcome:
        """Send one request; the URL has to prove first that it is the app's."""
        async with self._verifying:
            unverified = await self._verify()
        if unverified is not None:
            return unverified
        headers = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
        match kind:
            case "events_api":
                return await self._post(encode(payload), "application/json", headers)
            case "slash_commands":
                return await self._post(urlencode(payload), "application/x-www-form-urlencoded", headers)
            case _:
                form = urlencode({"payload": encode(payload)})
                return await self._post(form, "application/x-www-form-urlencoded", headers)

    async def close(self) -> None:
        await self._session.close()

    async def _verify(self) -> Outcome | None:
        """Send url_verification where this URL never passed it; return what went wrong."""
        state = self._workspace.state
        if state.row("SELECT 1 FROM meta WHERE name = 'verified_url' AND value = ?", self._url) is not None:
            return None
        challenge = secrets.token_urlsafe(32)
        asked = {"token": self._workspace.tokens.verification, "challenge": challenge, "type": "url_verification"}
        outcome = await self._post(encode(asked), "application/json", {})
        answer = outcome.body or {}
        if not outcome.acknowledged:
            return outcome
        if challenge not in {answer.get("challenge"), str(answer.get("text")).removeprefix("challenge=")}:
            return Outcome(acknowledged=False, reason="http_error")
        with state.transaction():
            state.write("INSERT OR REPLACE INTO meta (name, value) VALUES ('verified_url', ?)", self._url)
        return None

    async def _post(self, body: str, content_type: str, headers: dict[str, str]) -> Outcome:
        data = body.encode()
        signed = {"Content-Type": content_type, **headers, **self._signature(data)}
        try:
            async with self._session.post(self._url, data=data, headers=signed, allow_redirects=False) as response:
                retry = response.headers.get("X-Slack-No-Retry") != "1"
                if response.status not in _OK:
                    return Outcome(acknowledged=False, reason="http_error", retry=retry)
                return Outcome(acknowledged=True, body=_read_body(response.content_type, await response.text()))
        except TimeoutError:
            return Outcome(acknowledged=False, reason="http_timeout")
        except aiohttp.ClientConnectorError:
            return Outcome(acknowledged=False, reason="connection_failed", connected=False)
        except aiohttp.ClientError:
            return Outcome(acknowledged=False, reason="unknown_error")

    def _signature(self, data: bytes) -> dict[str, str]:
        now = str(int(time.time()))
        base = b"v0:" + now.encode() + b":" + data
        digest = hmac.new(self._workspace.tokens.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={digest}"}


def _read_body(content_type: str, text: str) -> Json | None:
    if content_type == "application/json":
        try:
            return as_object(json.loads(text))
        except ValueError:
            return None
    return {"text": text} if text.strip() else None
