"""reactions.add and reactions.remove."""

import re
from dataclasses import dataclass

from bot.workspace import events
from bot.workspace.calls import Call
from bot.workspace.channels import Channel, find_channel
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.messages import change_message, find_message, read_body

_NAME = re.compile(r"[a-z0-9_+\-']{1,100}")


def add(call: Call) -> Json:
    item = _find_item(call)
    users = item.users(call)
    if call.grant.user in users:
        raise SlackError("already_reacted")
    _keep(call, item, [*users, call.grant.user], "reaction_added")
    return {}


def remove(call: Call) -> Json:
    item = _find_item(call)
    users = item.users(call)
    if call.grant.user not in users:
        raise SlackError("no_reaction")
    _keep(call, item, [user for user in users if user != call.grant.user], "reaction_removed")
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    channel: Channel
    ts: str
    name: str

    def users(self, call: Call) -> list[str]:
        reactions: list[Json] = read_body(call.workspace, self.channel, self.ts).get("reactions", [])
        return next((reaction["users"] for reaction in reactions if reaction["name"] == self.name), list[str]())


def _find_item(call: Call) -> _Item:
    channel = find_channel(call.workspace, call.required("channel", error="no_item_specified"), call.grant)
    ts = call.required("timestamp", error="no_item_specified")
    name = call.required("name", error="invalid_name").strip(":")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    return _Item(channel=channel, ts=find_message(call.workspace, channel, ts)["ts"], name=name)


def _keep(call: Call, item: _Item, users: list[str], event: str) -> None:
    body = read_body(call.workspace, item.channel, item.ts)
    kept: dict[str, list[str]] = {reaction["name"]: reaction["users"] for reaction in body.pop("reactions", [])}
    kept[item.name] = users
    reactions = [{"name": name, "users": who, "count": len(who)} for name, who in kept.items() if who]
    if reactions:
        body["reactions"] = reactions
    # A reaction is no edit: the app hears of it by its own event only.
    change_message(call.workspace, item.channel, item.ts, body, tell=False)
    if item.channel.holds(call.workspace.team.bot.user):
        where = {"type": "message", "channel": item.channel.id, "ts": item.ts}
        told = {"type": event, "user": call.grant.user, "reaction": item.name, "item": where}
        events.tell_app(call.workspace, event, told | {"item_user": body.get("user")})
