"""Deliveries over HTTP: what is not provably Slack's, or can't be read, is refused before Bolt sees it."""

# pyright: reportUnknownMemberType=false
# Bolt's request and response are untyped in part.

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Sequence

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.errors import SettingsError

EVENTS_PATH = "/slack/events"
_BODY_BYTES = 4 * 1024 * 1024
# Slack's own rule: https://docs.slack.dev/authentication/verifying-requests-from-slack
_MAX_AGE_S = 300
_TIME = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_UNAUTHORIZED, _BAD_REQUEST = 401, 400


class Refused(Exception):
    """`str` is the reason in the response; it tells nothing that the sender does not know."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def check_signature(body: bytes, *, timestamp: str, signature: str, secret: str, now: float) -> None:
    """Raises Refused unless Slack signed these bytes within the last five minutes.

    Bolt's own check raises on the forms that are refused here first.
    """
    if not _TIME.fullmatch(timestamp):
        raise Refused(_UNAUTHORIZED, "X-Slack-Request-Timestamp is not a number")
    if abs(now - int(timestamp)) > _MAX_AGE_S:
        raise Refused(_UNAUTHORIZED, "the request is more than five minutes old, or a clock is wrong")
    if not _SIGNATURE.fullmatch(signature):
        raise Refused(_UNAUTHORIZED, "X-Slack-Signature has not the form v0=…")
    signed = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v0={signed}", signature):
        raise Refused(_UNAUTHORIZED, "the signature does not match")


def read_text(body: bytes) -> str:
    """The body as text. Raises Refused where it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refused(_UNAUTHORIZED, "the body is not UTF-8") from error


class HttpMode:
    """A web server with one address, for Slack. Raises SettingsError without a secret: anyone could sign with none."""

    def __init__(
        self, app: AsyncApp, *, signing_secret: str, host: str, port: int, clock: Callable[[], float] = time.time
    ) -> None:
        if not signing_secret.strip():
            raise SettingsError("SLACK_SIGNING_SECRET: HTTP mode needs it; copy it from the app's page")
        self._app = app
        self._secret = signing_secret
        self._host = host
        self._port = port
        self._clock = clock
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Raises SettingsError where it can't listen there."""
        server = web.Application(client_max_size=_BODY_BYTES)
        server.router.add_post(EVENTS_PATH, self._receive)
        self._runner = web.AppRunner(server, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            raise SettingsError(
                f"{self._host}:{self._port} cannot be listened on: change TANDEM_SLACK_HOST or TANDEM_SLACK_PORT"
            ) from error

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def is_up(self) -> bool:
        return self._runner is not None

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            delivery = await self._read(request)
        except Refused as refused:
            return web.json_response({"error": str(refused)}, status=refused.status)
        return await to_aiohttp_response(await self._app.async_dispatch(delivery))

    async def _read(self, request: web.Request) -> AsyncBoltRequest:
        body = await request.read()
        check_signature(
            body,
            timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
            signature=request.headers.get("X-Slack-Signature", ""),
            secret=self._secret,
            now=self._clock(),
        )
        text = read_text(body)
        # Header values may hold bytes that are no UTF-8 (as surrogates), on which Bolt's own check would fail.
        kept: dict[str, str | Sequence[str]] = {
            name: value for name, value in request.headers.items() if value.isascii()
        }
        try:
            delivery = AsyncBoltRequest(body=text, query=request.query_string, headers=kept)
        except (json.JSONDecodeError, AttributeError, TypeError, ValueError) as error:
            raise Refused(_BAD_REQUEST, "the body is neither JSON nor a form of Slack's") from error
        if not isinstance(delivery.body, dict):  # pyright: ignore[reportUnnecessaryIsInstance] — JSON may be anything
            raise Refused(_BAD_REQUEST, "the body is not an object")
        return delivery
