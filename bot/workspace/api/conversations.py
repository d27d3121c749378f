"""conversations.*: the channels, who is in them, and what was said there."""

from bot.workspace.api.pages import cut_page, message_window
from bot.workspace.calls import Call
from bot.workspace.channels import (
    Channel,
    archive,
    channels,
    conversation,
    find_channel,
    join,
    leave,
    open_direct_message,
)
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.messages import find_message, render_message
from bot.workspace.people import person

KINDS = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}
READ_SCOPES = {"public": "channels:read", "private": "groups:read", "im": "im:read", "mpim": "mpim:read"}
HISTORY_SCOPES = {"public": "channels:history", "private": "groups:history", "im": "im:history"}


def list_conversations(call: Call) -> Json:
    return _list(call, channels(call.workspace, call.grant))


def users_conversations(call: Call) -> Json:
    """List the channels that a person is in, of those that the caller knows of; the caller's own where none is named."""
    user = call.text("user") or call.grant.user
    person(call.workspace, user)
    return _list(call, [channel for channel in channels(call.workspace, call.grant) if channel.holds(user)])


def info(call: Call) -> Json:
    channel = _known_channel(call)
    body = conversation(call.workspace, channel, call.grant.user)
    if not call.flag("include_num_members"):
        body.pop("num_members", None)
    return {"channel": body}


def members(call: Call) -> Json:
    page, cursor = cut_page(call, list(_known_channel(call).members), most=1000, default=100)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def history(call: Call) -> Json:
    channel = _readable_channel(call)
    where, values = message_window(call)
    rows = call.workspace.state.rows(
        f"SELECT * FROM messages WHERE channel = ? AND (thread_ts IS NULL OR broadcast = 1) {where} ORDER BY ts DESC",  # noqa: S608 - `where` is ours, the values are bound
        *(channel.id, *values),
    )
    page, cursor = cut_page(call, rows, most=999, default=100)
    messages = [_shown(call, render_message(call.workspace, row)) for row in page]
    return {"messages": messages, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def replies(call: Call) -> Json:
    channel = _readable_channel(call)
    asked = find_message(
        call.workspace, channel, call.required("ts", error="thread_not_found"), error="thread_not_found"
    )
    head = asked["thread_ts"] or asked["ts"]
    where, values = message_window(call)
    rows = call.workspace.state.rows(
        "SELECT * FROM messages WHERE channel = ? AND (ts = ? OR thread_ts = ?) "  # noqa: S608 - as above
        f"AND (ts = ? OR (1 {where})) ORDER BY ts",
        *(channel.id, head, head, head, *values),
    )
    page, cursor = cut_page(call, rows, most=1000, default=1000)
    messages = [_shown(call, render_message(call.workspace, row)) for row in page]
    return {"messages": messages, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def open_conversation(call: Call) -> Json:
    if call.text("channel"):
        channel = find_channel(call.workspace, call.text("channel"), call.grant)
        if channel.kind != "im":
            raise SlackError("method_not_supported_for_channel_type")
    else:
        users = call.required("users", error="users_list_not_supplied").split(",")
        if len(users) > 1:
            raise SlackError("too_many_users", "this workspace has direct messages of two people only")
        channel = open_direct_message(call.workspace, call.grant.user, users[0])
    if call.flag("return_im"):
        return {"channel": conversation(call.workspace, channel, call.grant.user)}
    return {"channel": {"id": channel.id}}


def join_conversation(call: Call) -> Json:
    channel = _room(call)
    if channel.kind != "public":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.holds(call.grant.user):
        answer = conversation(call.workspace, channel, call.grant.user)
        return {
            "channel": answer,
            "warning": "already_in_channel",
            "response_metadata": {"warnings": ["already_in_channel"]},
        }
    return {"channel": conversation(call.workspace, join(call.workspace, channel, call.grant.user), call.grant.user)}


def leave_conversation(call: Call) -> Json:
    channel = _room(call)
    if channel.name == "general":
        raise SlackError("cant_leave_general")
    if not channel.holds(call.grant.user):
        return {"not_in_channel": True}
    leave(call.workspace, channel, call.grant.user)
    return {}


def invite(call: Call) -> Json:
    channel = _room(call)
    if not channel.holds(call.grant.user):
        raise SlackError("not_in_channel")
    for user in call.required("users", error="no_user").split(","):
        person(call.workspace, user)
        if user == call.grant.user:
            raise SlackError("cant_invite_self")
        if channel.holds(user):
            raise SlackError("already_in_channel")
        channel = join(call.workspace, channel, user, inviter=call.grant.user)
    return {"channel": conversation(call.workspace, channel, call.grant.user)}


def kick(call: Call) -> Json:
    channel = _room(call)
    user = call.required("user", error="user_not_found")
    if user == call.grant.user:
        raise SlackError("cant_kick_self")
    if channel.name == "general":
        raise SlackError("cant_kick_from_general")
    if not channel.holds(user):
        raise SlackError("not_in_channel")
    leave(call.workspace, channel, user)
    return {}


def archive_conversation(call: Call) -> Json:
    channel = _room(call)
    if channel.name == "general":
        raise SlackError("cant_archive_general")
    if channel.is_archived:
        raise SlackError("already_archived")
    archive(call.workspace, channel, call.grant.user)
    return {}


def _list(call: Call, candidates: list[Channel]) -> Json:
    types = (call.text("types") or "public_channel").split(",")
    if any(name.strip() not in KINDS for name in types):
        raise SlackError("invalid_types")
    kinds = {KINDS[name.strip()] for name in types}
    for kind in sorted(kinds):
        call.need_scope(READ_SCOPES[kind])
    known = [channel for channel in candidates if channel.kind in kinds]
    if call.flag("exclude_archived"):
        known = [channel for channel in known if not channel.is_archived]
    page, cursor = cut_page(call, known, most=1000, default=100)
    listed = [conversation(call.workspace, channel, call.grant.user) for channel in page]
    return {"channels": listed, "response_metadata": {"next_cursor": cursor}}


def _known_channel(call: Call) -> Channel:
    channel = find_channel(call.workspace, call.required("channel", error="channel_not_found"), call.grant)
    call.need_scope(READ_SCOPES[channel.kind])
    return channel


def _readable_channel(call: Call) -> Channel:
    """A person may read any public channel; an app has to be in it."""
    channel = find_channel(call.workspace, call.required("channel", error="channel_not_found"), call.grant)
    call.need_scope(HISTORY_SCOPES[channel.kind])
    if call.grant.kind == "bot" and not channel.holds(call.grant.user):
        raise SlackError("not_in_channel")
    return channel


def _room(call: Call) -> Channel:
    channel = find_channel(call.workspace, call.required("channel", error="channel_not_found"), call.grant)
    if channel.kind == "im":
        raise SlackError("method_not_supported_for_channel_type")
    return channel


def _shown(call: Call, message: Json) -> Json:
    if not call.flag("include_all_metadata"):
        message.pop("metadata", None)
    return message
