"""chat.*: post, change and delete messages."""

from bot.workspace.api.contents import UPDATE_TEXT, read_contents
from bot.workspace.calls import Call
from bot.workspace.channels import Channel, find_channel
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.messages import add_message, change_message, delete_message, find_message, read_body
from bot.workspace.state import encode
from bot.workspace.status import clear_status
from bot.workspace.streams import is_streaming
from bot.workspace.workspace import Workspace


def post_message(call: Call) -> Json:
    channel = postable_channel(call)
    parts, warnings = read_contents(call)
    _pace(call, channel)
    thread_ts = call.text("thread_ts") or None
    message = add_message(
        call.workspace,
        channel,
        call.grant.user,
        parts,
        thread_ts=thread_ts,
        broadcast=call.flag("reply_broadcast"),
    )
    if call.grant.kind == "bot":
        clear_status(call.workspace, channel, message.get("thread_ts"))
    answer: Json = {"channel": channel.id, "ts": message["ts"], "message": message}
    if warnings:
        answer["response_metadata"] = {"warnings": warnings}
    return answer


def update(call: Call) -> Json:
    workspace = call.workspace
    channel = find_channel(workspace, call.required("channel", error="channel_not_found"), call.grant)
    row = find_message(workspace, channel, call.required("ts", error="message_not_found"))
    if row["author"] != call.grant.user:
        raise SlackError("cant_update_message")
    if is_streaming(workspace, channel, row["ts"]):
        raise SlackError("streaming_state_conflict")
    if len(call.text("text")) > UPDATE_TEXT:
        raise SlackError("msg_too_long")
    parts, _ = read_contents(call, needs_text="metadata" not in call.arguments)
    body = read_body(workspace, channel, row["ts"])
    if "text" in parts and "blocks" not in parts:
        body.pop("blocks", None)
        body["edited"] = {"user": call.grant.user, "ts": workspace.state.next_ts()}
    body |= parts
    if body.get("metadata") == {}:
        del body["metadata"]
    message = change_message(workspace, channel, row["ts"], body)
    if channel.kind == "im" and call.grant.kind == "bot":
        clear_status(workspace, channel, message.get("thread_ts"))
    return {"channel": channel.id, "ts": row["ts"], "text": message.get("text", ""), "message": message}


def delete(call: Call) -> Json:
    channel = find_channel(call.workspace, call.required("channel", error="channel_not_found"), call.grant)
    row = find_message(call.workspace, channel, call.required("ts", error="message_not_found"))
    if row["author"] != call.grant.user:
        raise SlackError("cant_delete_message")
    delete_message(call.workspace, channel, row["ts"])
    return {"channel": channel.id, "ts": row["ts"]}


def post_ephemeral(call: Call) -> Json:
    channel = postable_channel(call)
    user = call.required("user")
    if not channel.holds(user):
        raise SlackError("user_not_in_channel")
    parts, _ = read_contents(call)
    _pace(call, channel)
    thread_ts = call.text("thread_ts")
    if thread_ts:
        parts["thread_ts"] = thread_ts
    ts = add_ephemeral(call.workspace, channel, user, parts)
    return {"message_ts": ts}


def get_permalink(call: Call) -> Json:
    channel = find_channel(call.workspace, call.required("channel", error="channel_not_found"), call.grant)
    row = find_message(call.workspace, channel, call.required("message_ts", error="message_not_found"))
    link = f"{call.workspace.address}/archives/{channel.id}/p{row['ts'].replace('.', '')}"
    if row["thread_ts"]:
        link += f"?thread_ts={row['thread_ts']}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def postable_channel(call: Call) -> Channel:
    """Find the channel, where the caller is in it. Raises SlackError channel_not_found, not_in_channel or is_archived."""
    channel = find_channel(call.workspace, call.required("channel", error="channel_not_found"), call.grant)
    if not channel.holds(call.grant.user):
        raise SlackError("not_in_channel")
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def add_ephemeral(workspace: Workspace, channel: Channel, user: str, parts: Json) -> str:
    """Show a message to one person only: it is in no history, and the app hears nothing of it."""
    bot = workspace.team.bot
    ts = workspace.state.next_ts()
    body = {"type": "message", "user": bot.user, "bot_id": bot.bot, "app_id": bot.app, "text": "", **parts, "ts": ts}
    body["is_ephemeral"] = True
    workspace.state.write(
        "INSERT INTO ephemerals (channel, ts, user, body) VALUES (?, ?, ?, ?)", channel.id, ts, user, encode(body)
    )
    workspace.live.announce({user}, {"type": "ephemeral", "channel": channel.id, "message": body})
    return ts


def _pace(call: Call, channel: Channel) -> None:
    if call.grant.kind == "bot":
        call.workspace.pacing.post(channel.id)
