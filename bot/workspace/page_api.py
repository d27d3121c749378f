"""What the page calls besides Slack's own methods: the session, commands, clicks, forms, the home, live events."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.workspace import events
from bot.workspace.app_link import AppLink, Outcome
from bot.workspace.calls import read_arguments
from bot.workspace.channels import Channel, find_channel
from bot.workspace.clicks import find_action
from bot.workspace.errors import SlackError
from bot.workspace.form_answers import apply_answer
from bot.workspace.forms import close_views, home_of, open_views, read_view
from bot.workspace.identity import Grant
from bot.workspace.interactions import (
    command_payload,
    message_action_payload,
    message_shortcut_payload,
    view_action_payload,
    view_payload,
)
from bot.workspace.json_values import Json, as_object
from bot.workspace.messages import read_message
from bot.workspace.people import people, person
from bot.workspace.response_urls import respond
from bot.workspace.sample import TEAM_NAME
from bot.workspace.state import decode
from bot.workspace.submissions import read_values
from bot.workspace.workspace import Workspace


class PageApi:
    def __init__(self, workspace: Workspace, link: AppLink) -> None:
        self._workspace = workspace
        self._link = link

    async def session(self, _: web.Request) -> web.Response:
        workspace = self._workspace
        bot = workspace.team.bot
        users = [
            {
                "id": body["id"],
                "name": body["name"],
                "real_name": body["real_name"],
                "title": body["profile"]["title"],
                "token": workspace.tokens.users[body["id"]],
            }
            for body in people(workspace)
            if body["id"] in workspace.tokens.users
        ]
        commands = [
            {"command": kept.command, "description": kept.description, "usage_hint": kept.usage_hint}
            for kept in workspace.manifest.commands
        ]
        return web.json_response(
            {
                "ok": True,
                "team": {"id": workspace.team.id, "name": TEAM_NAME},
                "bot": {
                    "id": bot.user,
                    "bot_id": bot.bot,
                    "app_id": bot.app,
                    "name": bot.name,
                    "real_name": "Tandem",
                },
                "users": users,
                "commands": commands,
                "shortcuts": [
                    {"name": kept.name, "callback_id": kept.callback_id, "description": kept.description}
                    for kept in workspace.manifest.shortcuts
                ],
            }
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        grant = self._workspace.grant(request.query.get("token", ""))
        if grant is None or grant.kind != "user":
            return web.Response(status=401, text="Give a sample user's token: /page/session lists them.")
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        await self._workspace.live.serve(socket, grant.user)
        return socket

    async def command(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._command)

    async def shortcut(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._shortcut)

    async def action(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._action)

    async def view(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._view)

    async def home(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._home)

    async def _answer(self, request: web.Request, handler: Callable[[Grant, Json], Awaitable[Json]]) -> web.Response:
        try:
            answer = await handler(self._person(request), await read_arguments(request))
        except SlackError as error:
            return web.json_response(error.body())
        return web.json_response({"ok": True, **answer})

    def _person(self, request: web.Request) -> Grant:
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._workspace.grant(token)
        if grant is None or grant.kind != "user":
            raise SlackError("invalid_auth")
        if person(self._workspace, grant.user)["deleted"]:
            raise SlackError("account_inactive")
        return grant

    async def _command(self, grant: Grant, body: Json) -> Json:
        workspace = self._workspace
        command = str(body.get("command", ""))
        if command not in {kept.command for kept in workspace.manifest.commands}:
            raise SlackError("dispatch_unknown_command")
        with workspace.change():
            channel = find_channel(workspace, str(body.get("channel", "")), grant)
            text = str(body.get("text", ""))
            payload = command_payload(workspace, grant.user, channel, command=command, text=text)
        outcome = _acknowledged(await self._link.send("slash_commands", payload))
        if outcome.body:
            with workspace.change():
                respond(workspace, channel.id, grant.user, outcome.body)
        return {}

    async def _shortcut(self, grant: Grant, body: Json) -> Json:
        workspace = self._workspace
        callback_id = str(body.get("callback_id", ""))
        if callback_id not in {kept.callback_id for kept in workspace.manifest.shortcuts}:
            raise SlackError("action_not_found")
        with workspace.change():
            channel = find_channel(workspace, str(body.get("channel", "")), grant)
            message = read_message(workspace, channel, str(body.get("message_ts", "")))
            payload = message_shortcut_payload(workspace, grant.user, channel, message=message, callback_id=callback_id)
        _acknowledged(await self._link.send("interactive", payload))
        return {}

    async def _action(self, grant: Grant, body: Json) -> Json:
        workspace = self._workspace
        clicked = as_object(body.get("action"))
        if clicked is None:
            raise SlackError("invalid_arguments", "missing required field: action")
        now = f"{time.time():.6f}"
        with workspace.change():
            if body.get("view_id"):
                view = self._own_view(grant, str(body["view_id"]))
                view["state"], _ = read_values(workspace, view, body.get("state"))
                action = find_action(view["blocks"], clicked, now=now)
                payload = view_action_payload(workspace, grant.user, view=view, action=action)
            else:
                channel = find_channel(workspace, str(body.get("channel", "")), grant)
                message = self._message(grant, channel, body)
                action = find_action(message.get("blocks", []), clicked, now=now)
                state: Json = body.get("state") or {"values": {}}
                payload = message_action_payload(
                    workspace, grant.user, channel, message=message, action=action, state=state
                )
        _acknowledged(await self._link.send("interactive", payload))
        return {"trigger_id": payload["trigger_id"]}

    async def _view(self, grant: Grant, body: Json) -> Json:
        workspace = self._workspace
        with workspace.change():
            view = self._own_view(grant, str(body.get("view_id", "")))
            if body.get("type") == "close":
                cleared = bool(body.get("is_cleared"))
                close_views(workspace, open_views(workspace, grant.user) if cleared else [view])
                payload = view_payload(workspace, grant.user, "view_closed", view=view, is_cleared=cleared)
            else:
                view["state"], errors = read_values(workspace, view, body.get("state"))
                if errors:
                    return {"response_action": "errors", "errors": errors}
                payload = view_payload(workspace, grant.user, "view_submission", view=view)
        if body.get("type") == "close":
            if view["notify_on_close"]:
                _acknowledged(await self._link.send("interactive", payload))
            return {}
        outcome = _acknowledged(await self._link.send("interactive", payload))
        with workspace.change():
            return apply_answer(workspace, grant.user, view, outcome.body or {})

    async def _home(self, grant: Grant, body: Json) -> Json:
        """Tell the app that its home, or its direct message, was opened."""
        workspace = self._workspace
        tab = "messages" if body.get("tab") == "messages" else "home"
        with workspace.change():
            channel = find_channel(workspace, workspace.team.bot.user, grant)
            view = home_of(workspace, grant.user)
            event: Json = {"type": "app_home_opened", "user": grant.user, "channel": channel.id, "tab": tab}
            if view is not None and tab == "home":
                event["view"] = view
            events.tell_app(workspace, "app_home_opened", event)
        return {"view": view}

    def _message(self, grant: Grant, channel: Channel, body: Json) -> Json:
        ts = str(body.get("message_ts", ""))
        row = self._workspace.state.row(
            "SELECT body FROM ephemerals WHERE channel = ? AND ts = ? AND user = ?", channel.id, ts, grant.user
        )
        return decode(row["body"]) if row is not None else read_message(self._workspace, channel, ts)

    def _own_view(self, grant: Grant, view_id: str) -> Json:
        row = self._workspace.state.row("SELECT 1 FROM views WHERE id = ? AND user = ?", view_id, grant.user)
        if row is None:
            raise SlackError("view_not_found")
        return read_view(self._workspace, view_id)


def _acknowledged(outcome: Outcome) -> Outcome:
    """Raise SlackError with what Slack's client shows a person."""
    if outcome.acknowledged:
        return outcome
    timed_out = outcome.connected and outcome.reason in {"timeout", "http_timeout"}
    raise SlackError("operation_timeout" if timed_out else "dispatch_failed")
