"""The door to Slack's Web API: two verbs, one connection pool, errors translated once."""

# pyright: reportUnknownMemberType=false
# slack_sdk leaves its payloads untyped; they are typed as JSON here, and nowhere else.

import asyncio
import logging
from types import TracebackType
from typing import Any, Self, cast

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SlackAmbiguous, SlackBusy, SlackError, SlackRefused, SlackUnauthorized, SlackUnreachable
from bot.payloads import Json, as_object, optional

_TIMEOUT_S = 15
_CONNECTIONS = 64
# Below the idle time at which servers and their load balancers close: a connection closed under a post is ambiguous.
_KEEPALIVE_S = 8
_RATE_LIMIT_RETRIES = 3
_CLIENT_ERRORS = range(400, 500)
_TOO_MANY = 429
# Where waiting out a `Retry-After` is worse than doing without: the answer is posted, the text comes with the next piece.
_HASTY = frozenset({"chat.startStream", "chat.appendStream", "assistant.threads.setStatus"})
# Slack's words for a token that it does not take, or no longer.
_UNAUTHORIZED_CODES = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
# Its words for “something broke on our side”, after which a post may have been made or not.
_AMBIGUOUS_CODES = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})


class Slack:
    """Slack's Web API with the bot's token. Use as an async context manager, or `open` and `close`."""

    def __init__(self, *, token: str, api_url: str) -> None:
        self.api_url = api_url
        self.token_refused = asyncio.Event()
        """Set by the call that finds it out; who has seen to it clears it."""
        self._token = token
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self._hasty: AsyncWebClient | None = None

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def open(self) -> None:
        """Make the connection pool; needs a running event loop."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEPALIVE_S),
        )
        self._client = self._web_client(self._token)
        self._hasty = self._web_client(self._token, waits=0)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def anonymous_client(self) -> AsyncWebClient:
        """A client without a token, for Bolt: it takes the token from our `authorize`, and can't fall back to its own."""
        return self._web_client(None)

    def _web_client(self, token: str | None, *, waits: int = _RATE_LIMIT_RETRIES) -> AsyncWebClient:
        # Only the handler for 429: the others send a request again that may have been done, and post twice.
        return AsyncWebClient(
            token=token,
            base_url=self.api_url,
            session=self._session,
            timeout=_TIMEOUT_S,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=waits)],
            logger=logging.getLogger("tandem.slack_sdk"),
        )

    async def write(self, method: str, **arguments: Any) -> Json:
        """Call a method that changes something; arguments travel as JSON, None is left out.

        Raises SlackRefused, SlackUnauthorized, SlackUnreachable (SlackBusy after a few waits as long as Slack asked for),
        or SlackAmbiguous when it can't be known whether it was done.
        """
        body = {name: value for name, value in arguments.items() if value is not None}
        client = self._hasty if method in _HASTY else self._client
        return await self._call(client, method, http_verb="POST", json=body)

    async def read(self, method: str, **arguments: str | int | bool) -> Json:
        """Call a method that only reads. Raises SlackRefused, SlackUnauthorized or SlackUnreachable."""
        params = {name: _as_query(value) for name, value in arguments.items()}
        try:
            return await self._call(self._client, method, http_verb="GET", params=params)
        except SlackAmbiguous as error:
            raise SlackUnreachable(str(error)) from error

    async def _call(self, client: AsyncWebClient | None, method: str, **request: Any) -> Json:
        if client is None:
            raise SlackUnreachable("the connection to Slack is not open")
        try:
            response = await client.api_call(method, **request)
        except SlackApiError as error:
            translated = _translated(method, error)
            if isinstance(translated, SlackUnauthorized):
                self.token_refused.set()
            raise translated from error
        except aiohttp.ClientConnectorError as error:
            raise SlackUnreachable(f"Slack was not reached for {method}") from error
        except (aiohttp.ClientError, TimeoutError, SlackClientError) as error:
            raise SlackAmbiguous(f"the connection broke during {method}") from error
        except (AttributeError, UnicodeDecodeError) as error:  # the client takes any answer for an object in UTF-8
            raise SlackAmbiguous(f"the answer to {method} could not be read") from error
        return as_object(cast("object", response.data))


def _as_query(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _translated(method: str, error: SlackApiError) -> SlackError:
    response: Any = error.response
    code = optional(as_object(getattr(response, "data", None)), "error")
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    # Without Slack's word it is a page of something in between, or a piece of an answer: the call may have got through,
    # unless it is a client error, with which whoever answered turned it away.
    if code in _AMBIGUOUS_CODES or (not code and status not in _CLIENT_ERRORS):
        return SlackAmbiguous(f"what came of {method} is not known: {code or f'http_{status}'}")
    if code in {"ratelimited", "rate_limited"} or status == _TOO_MANY:
        return SlackBusy(f"Slack takes no more calls of {method} for now")
    if code in _UNAUTHORIZED_CODES:
        return SlackUnauthorized(method, code)
    return SlackRefused(method, code or f"http_{status}")
