"""Events for the app: what it subscribed to, in rooms that it is in, stored with the change that caused them."""

import time

from bot.workspace.identity import new_id
from bot.workspace.json_values import Json
from bot.workspace.state import encode
from bot.workspace.workspace import Workspace

# Subscriptions to messages are by kind of channel.
CHANNEL_TYPES = {"public": "channel", "private": "group", "im": "im"}
SUBSCRIPTIONS = {"public": "message.channels", "private": "message.groups", "im": "message.im"}


def tell_app_of_message(workspace: Workspace, *, channel: str, kind: str, event: Json) -> None:
    """Send `event`, of type message, if the bot is in the channel. Channel, its type and the event's time are added."""
    if not _bot_is_in(workspace, channel):
        return
    whole = {"type": "message", **event, "channel": channel, "channel_type": CHANNEL_TYPES[kind]}
    tell_app(workspace, SUBSCRIPTIONS[kind], whole)


def tell_app_of_mention(workspace: Workspace, *, channel: str, kind: str, message: Json) -> None:
    """Send the mention's own event, beside the message's: a second event id for the same ts, and no files."""
    if kind == "im" or not _bot_is_in(workspace, channel):
        return
    event = {name: value for name, value in message.items() if name not in {"files", "subtype"}}
    tell_app(workspace, "app_mention", {**event, "type": "app_mention", "channel": channel})


def tell_app(workspace: Workspace, subscription: str, event: Json) -> None:
    """Store an event for delivery, inside the caller's change, if the app subscribed to it."""
    if subscription not in workspace.manifest.events:
        return
    now = time.time()
    event_id = new_id("Ev")
    payload = {
        "token": workspace.tokens.verification,
        "team_id": workspace.team.id,
        "api_app_id": workspace.team.bot.app,
        "event": {"event_ts": event.get("ts") or f"{now:.6f}", **event},
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(now),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team.id,
                "user_id": workspace.team.bot.user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }
    workspace.state.write(
        "INSERT INTO deliveries (event_id, event_type, payload, due, created) VALUES (?, ?, ?, ?, ?)",
        *(event_id, event["type"], encode(payload), now, now),
    )


def _bot_is_in(workspace: Workspace, channel: str) -> bool:
    found = workspace.state.row(
        "SELECT 1 FROM members WHERE channel = ? AND user = ?", channel, workspace.team.bot.user
    )
    return found is not None
