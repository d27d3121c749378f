"""Channels and who is in them."""

import time
from dataclasses import dataclass

from bot.workspace import events
from bot.workspace.errors import SlackError
from bot.workspace.identity import Grant, new_id
from bot.workspace.json_values import Json
from bot.workspace.people import person
from bot.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    id: str
    name: str
    kind: str
    topic: str
    created: int
    members: tuple[str, ...]
    is_archived: bool

    def holds(self, user: str) -> bool:
        return user in self.members


def find_channel(workspace: Workspace, reference: str, grant: Grant) -> Channel:
    """Find a channel by id, by #name, or by a person's id (their direct message with the caller).

    Raises SlackError channel_not_found, also for a private channel or direct message the caller is not in.
    """
    if reference.startswith("U"):
        return open_direct_message(workspace, grant.user, reference)
    row = workspace.state.row(
        "SELECT * FROM channels WHERE id = ? OR (name = ? AND name != '')", reference, reference.removeprefix("#")
    )
    if row is None:
        raise SlackError("channel_not_found")
    channel = _channel(workspace, row["id"])
    if channel.kind != "public" and not channel.holds(grant.user):
        raise SlackError("channel_not_found")
    return channel


def channels(workspace: Workspace, grant: Grant) -> list[Channel]:
    """All channels the caller may know of."""
    found = [_channel(workspace, row["id"]) for row in workspace.state.rows("SELECT id FROM channels ORDER BY rowid")]
    return [channel for channel in found if channel.kind == "public" or channel.holds(grant.user)]


def readers(workspace: Workspace, channel: Channel) -> tuple[str, ...]:
    """Those who may see what is said there: everyone where it is public."""
    if channel.kind != "public":
        return channel.members
    return tuple(row["id"] for row in workspace.state.rows("SELECT id FROM users"))


def conversation(workspace: Workspace, channel: Channel, user: str) -> Json:
    """Give Slack's conversation object as `user` sees it."""
    body: Json = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_im": channel.kind == "im",
        "is_mpim": False,
        "is_private": channel.kind != "public",
        "is_shared": False,
        "is_ext_shared": False,
        "is_pending_ext_shared": False,
        "is_org_shared": False,
        "context_team_id": workspace.team.id,
    }
    if channel.kind == "im":
        others = [member for member in channel.members if member != user]
        return body | {"user": others[0] if others else user, "is_open": True}
    return body | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_general": channel.name == "general",
        "is_member": channel.holds(user),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.topic, "creator": "", "last_set": 0},
        "num_members": len(channel.members),
    }


def open_direct_message(workspace: Workspace, user: str, other: str) -> Channel:
    """Return the direct message of two people, new or old. Raises SlackError user_not_found."""
    if person(workspace, other)["deleted"]:
        raise SlackError("user_disabled")
    row = workspace.state.row(
        "SELECT id FROM channels WHERE kind = 'im' "
        "AND id IN (SELECT channel FROM members WHERE user = ?) AND id IN (SELECT channel FROM members WHERE user = ?)",
        *(user, other),
    )
    if row is not None:
        return _channel(workspace, row["id"])
    channel_id = new_id("D")
    workspace.state.write(
        "INSERT INTO channels (id, name, kind, created) VALUES (?, '', 'im', ?)", channel_id, int(time.time())
    )
    for member in {user, other}:
        workspace.state.write("INSERT INTO members (channel, user) VALUES (?, ?)", channel_id, member)
    channel = _channel(workspace, channel_id)
    for member in channel.members:
        workspace.live.announce({member}, {"type": "channel", "channel": conversation(workspace, channel, member)})
    return channel


def join(workspace: Workspace, channel: Channel, user: str, *, inviter: str | None = None) -> Channel:
    workspace.state.write("INSERT OR IGNORE INTO members (channel, user) VALUES (?, ?)", channel.id, user)
    event = _membership(workspace, "member_joined_channel", channel, user)
    if inviter is not None:
        event["inviter"] = inviter
    joined = _channel(workspace, channel.id)
    if joined.holds(workspace.team.bot.user):
        events.tell_app(workspace, "member_joined_channel", event)
    _announce_membership(workspace, "member_joined", joined, user)
    return joined


def leave(workspace: Workspace, channel: Channel, user: str) -> Channel:
    workspace.state.write("DELETE FROM members WHERE channel = ? AND user = ?", channel.id, user)
    if channel.holds(workspace.team.bot.user):
        event = _membership(workspace, "member_left_channel", channel, user)
        events.tell_app(workspace, "member_left_channel", event)
    left = _channel(workspace, channel.id)
    _announce_membership(workspace, "member_left", left, user)
    return left


def archive(workspace: Workspace, channel: Channel, user: str) -> None:
    """Close it for new messages; what was said there can still be read."""
    workspace.state.write("INSERT INTO archived (channel) VALUES (?)", channel.id)
    _tell_of_the_end(workspace, "archive", channel, user=user)
    archived = _channel(workspace, channel.id)
    for member in readers(workspace, archived):
        frame = {"type": "channel", "channel": conversation(workspace, archived, member)}
        workspace.live.announce({member}, frame)


def delete(workspace: Workspace, channel_id: str) -> None:
    """Take it away with all that was said there, as an administrator would. Raises SlackError channel_not_found."""
    channel = _channel(workspace, channel_id)
    _tell_of_the_end(workspace, "deleted", channel)
    for table in ("messages", "streams", "ephemerals", "file_shares", "members", "archived"):
        workspace.state.write(f"DELETE FROM {table} WHERE channel = ?", channel.id)  # noqa: S608 - the names are ours
    workspace.state.write("DELETE FROM channels WHERE id = ?", channel.id)


def _tell_of_the_end(workspace: Workspace, what: str, channel: Channel, **more: str) -> None:
    event_type = f"{'channel' if channel.kind == 'public' else 'group'}_{what}"
    if channel.holds(workspace.team.bot.user):
        events.tell_app(workspace, event_type, {"type": event_type, "channel": channel.id, **more})


def _channel(workspace: Workspace, channel_id: str) -> Channel:
    row = workspace.state.row("SELECT * FROM channels WHERE id = ?", channel_id)
    if row is None:
        raise SlackError("channel_not_found")
    members = workspace.state.rows("SELECT user FROM members WHERE channel = ? ORDER BY rowid", channel_id)
    return Channel(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        topic=row["topic"],
        created=row["created"],
        members=tuple(member["user"] for member in members),
        is_archived=workspace.state.row("SELECT 1 FROM archived WHERE channel = ?", channel_id) is not None,
    )


def _membership(workspace: Workspace, event_type: str, channel: Channel, user: str) -> Json:
    letter = "C" if channel.kind == "public" else "G"
    return {
        "type": event_type,
        "user": user,
        "channel": channel.id,
        "channel_type": letter,
        "team": workspace.team.id,
    }


def _announce_membership(workspace: Workspace, frame_type: str, channel: Channel, user: str) -> None:
    audience = {*readers(workspace, channel), user}
    workspace.live.announce(audience, {"type": frame_type, "channel": channel.id, "user": user})
    for member in audience:
        frame = {"type": "channel", "channel": conversation(workspace, channel, member)}
        workspace.live.announce({member}, frame)
