"""/page/faults and its kin, for tests: open only with --faults."""

from typing import Any

from aiohttp import web

from bot.workspace.calls import read_arguments
from bot.workspace.channels import delete
from bot.workspace.errors import SlackError
from bot.workspace.faults import KINDS, Fault, Faults
from bot.workspace.people import change_person
from bot.workspace.socket_mode import SocketMode
from bot.workspace.web_api import WebApi
from bot.workspace.workspace import Workspace

_PERSON_FIELDS = frozenset({"deleted", "is_restricted", "is_ultra_restricted", "is_stranger"})


class TrialApi:
    def __init__(self, workspace: Workspace, faults: Faults, web_api: WebApi, socket_mode: SocketMode | None) -> None:
        self._workspace = workspace
        self._faults = faults
        self._web_api = web_api
        self._socket_mode = socket_mode

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/page/faults", self.plan),
            web.delete("/page/faults", self.clear),
            web.post("/page/refresh", self.refresh),
            web.post("/page/people", self.people),
            web.post("/page/channels", self.channels),
            web.get("/page/calls", self.calls),
            web.get("/page/deliveries", self.deliveries),
        ]

    async def plan(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await read_arguments(request)
        kind = str(body.get("kind"))
        if kind not in KINDS:
            return web.json_response({"ok": False, "error": f"kind must be one of {', '.join(KINDS)}"})
        fault = Fault(
            kind=kind, error=str(body.get("error", "internal_error")), seconds=float(body.get("seconds", 1.0))
        )
        self._faults.plan(str(body["method"]), fault, times=int(body.get("times", 1)))
        return web.json_response({"ok": True})

    async def clear(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response({"ok": True})

    async def refresh(self, request: web.Request) -> web.Response:
        """Send `disconnect` to all Socket Mode connections."""
        reason = str((await read_arguments(request)).get("reason", "refresh_requested"))
        asked = await self._socket_mode.refresh(reason) if self._socket_mode else 0
        return web.json_response({"ok": True, "connections": asked})

    async def people(self, request: web.Request) -> web.Response:
        """Change a person as an administrator would: guest, deactivated."""
        body = await read_arguments(request)
        changes = {name: bool(value) for name, value in body.items() if name in _PERSON_FIELDS}
        try:
            with self._workspace.change():
                return web.json_response(
                    {"ok": True, "user": change_person(self._workspace, str(body.get("user")), changes)}
                )
        except SlackError as error:
            return web.json_response(error.body())

    async def channels(self, request: web.Request) -> web.Response:
        """Delete a channel, as an administrator would: no method of Slack's does it for an app."""
        channel = str((await read_arguments(request)).get("channel"))
        try:
            with self._workspace.change():
                delete(self._workspace, channel)
        except SlackError as error:
            return web.json_response(error.body())
        return web.json_response({"ok": True})

    async def calls(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "calls": list(self._web_api.calls)})

    async def deliveries(self, _: web.Request) -> web.Response:
        rows = self._workspace.state.rows("SELECT * FROM deliveries ORDER BY id")
        return web.json_response({"ok": True, "deliveries": [dict(row) for row in rows]})
