"""What people do with what the app has posted: commands, clicks and forms, as payloads for the app."""

import time
from typing import Any

from bot.workspace.channels import Channel
from bot.workspace.json_values import Json
from bot.workspace.people import person
from bot.workspace.response_urls import give_response_url
from bot.workspace.workspace import Workspace

TEAM_DOMAIN = "tandem-sample"


def command_payload(workspace: Workspace, user: str, channel: Channel, *, command: str, text: str) -> Json:
    names = {"im": "directmessage", "private": "privategroup", "public": channel.name}
    return {
        "token": workspace.tokens.verification,
        "team_id": workspace.team.id,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": names[channel.kind],
        "user_id": user,
        "user_name": person(workspace, user)["name"],
        "command": command,
        "text": text,
        "api_app_id": workspace.team.bot.app,
        "is_enterprise_install": "false",
        "response_url": give_response_url(workspace, channel.id, user),
        "trigger_id": workspace.triggers.give(user),
    }


def message_action_payload(
    workspace: Workspace, user: str, channel: Channel, *, message: Json, action: Json, state: Json
) -> Json:
    ephemeral = bool(message.get("is_ephemeral"))
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    payload = _payload(workspace, user, "block_actions") | {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "state": state,
        "response_url": give_response_url(workspace, channel.id, user, message_ts=message["ts"]),
        "actions": [action],
    }
    # Slack keeps the content of an ephemeral message to itself.
    return payload if ephemeral else payload | {"message": message}


def message_shortcut_payload(
    workspace: Workspace, user: str, channel: Channel, *, message: Json, callback_id: str
) -> Json:
    return _payload(workspace, user, "message_action") | {
        "callback_id": callback_id,
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "message_ts": message["ts"],
        "message": message,
        "response_url": give_response_url(workspace, channel.id, user),
    }


def view_action_payload(workspace: Workspace, user: str, *, view: Json, action: Json) -> Json:
    return _payload(workspace, user, "block_actions", view=view["id"]) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action],
    }


def view_payload(workspace: Workspace, user: str, event: str, *, view: Json, **more: Any) -> Json:
    """Build view_submission or view_closed."""
    payload = _payload(workspace, user, event, view=view["id"]) | {"view": view, **more}
    if event == "view_submission":
        return payload | {"response_urls": []}
    del payload["trigger_id"]
    return payload


def _payload(workspace: Workspace, user: str, event: str, *, view: str | None = None) -> Json:
    name = person(workspace, user)["name"]
    return {
        "type": event,
        "user": {"id": user, "username": name, "name": name, "team_id": workspace.team.id},
        "api_app_id": workspace.team.bot.app,
        "token": workspace.tokens.verification,
        "trigger_id": workspace.triggers.give(user, view=view),
        "team": {"id": workspace.team.id, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
        "action_ts": f"{time.time():.6f}",
    }
