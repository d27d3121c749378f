"""POST /api/METHOD: Slack's Web API."""

import asyncio
import logging
import time
from collections import deque
from typing import Any

from aiohttp import web

from bot.workspace.calls import Call, read_arguments
from bot.workspace.errors import RateLimited, SlackError
from bot.workspace.faults import Fault, Faults
from bot.workspace.identity import Grant
from bot.workspace.json_values import Json
from bot.workspace.methods import Method, find_method
from bot.workspace.people import person
from bot.workspace.workspace import Workspace

CALLS_KEPT = 20_000

log = logging.getLogger(__name__)


class WebApi:
    def __init__(self, workspace: Workspace, faults: Faults) -> None:
        self._workspace = workspace
        self._faults = faults
        self.calls: deque[Json] = deque(maxlen=CALLS_KEPT)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        fault = self._faults.take(name)
        if fault is not None and fault.kind != "lose":
            return await _fail(request, fault)
        response, headers = await self._answer(request, name)
        if fault is not None:
            return _break(request)
        status = 429 if response.get("error") == "ratelimited" else 200
        return web.json_response(response, status=status, headers=headers)

    async def _answer(self, request: web.Request, name: str) -> tuple[Json, dict[str, str]]:
        headers: dict[str, str] = {}
        arguments: Json = {}
        started = time.time()
        try:
            method = find_method(name, streaming_known=self._workspace.options.streaming)
            arguments = await read_arguments(request)
            token = _token(request, arguments)
            grant = self._authorise(token, method)
            headers["X-OAuth-Scopes"] = ",".join(sorted(grant.scopes - {"*"}))
            answer = self._perform(
                Call(workspace=self._workspace, grant=grant, method=name, arguments=arguments), method
            )
        except RateLimited as error:
            headers["Retry-After"] = str(error.retry_after_s)
            answer = error.body()
        except SlackError as error:
            answer = error.body()
        except web.HTTPException:  # a body that is too large has an answer already
            raise
        except Exception:
            log.exception("%s failed", name)
            answer = {"ok": False, "error": "internal_error"}
        self._note(name, arguments, answer, started)
        return answer, headers

    def _authorise(self, token: str, method: Method) -> Grant:
        if not token:
            raise SlackError("not_authed")
        grant = self._workspace.grant(token)
        if grant is None:
            raise SlackError("invalid_auth")
        if grant.kind not in method.kinds:
            raise SlackError("not_allowed_token_type")
        if person(self._workspace, grant.user)["deleted"]:
            raise SlackError("account_inactive")
        return grant

    def _perform(self, call: Call, method: Method) -> Json:
        if method.scopes:
            call.need_scope(*method.scopes)
        if method.tier and call.grant.kind == "bot":
            self._workspace.pacing.call(call.method, method.tier)
        with self._workspace.change():
            return {"ok": True, **method.handler(call)}

    def _note(self, name: str, arguments: Json, answer: Json, started: float) -> None:
        if self._workspace.options.faults:
            noted: dict[str, Any] = {key: value for key, value in arguments.items() if key != "token"}
            result = {"ok": answer["ok"], "error": answer.get("error"), "ts": answer.get("ts")}
            self.calls.append({"method": name, "at": started, "arguments": noted, **result})


def _token(request: web.Request, arguments: Json) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return str(arguments.get("token") or "")


async def _fail(request: web.Request, fault: Fault) -> web.StreamResponse:
    match fault.kind:
        case "429":
            body = {"ok": False, "error": "ratelimited"}
            return web.json_response(body, status=429, headers={"Retry-After": str(int(fault.seconds))})
        case "500":
            return web.Response(status=500, text="Internal Server Error")
        case "error":
            return web.json_response({"ok": False, "error": fault.error})
        case "hang":
            await asyncio.sleep(fault.seconds)
            return web.Response(status=504, text="Gateway Timeout")
        case _:
            return _break(request)


def _break(request: web.Request) -> web.StreamResponse:
    """Cut the connection without a word: the caller cannot know what was done."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
