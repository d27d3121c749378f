"""chat.startStream, chat.appendStream, chat.stopStream: a message that is written while it is read."""

import sqlite3
from typing import Any

from bot.workspace.api.chat import postable_channel
from bot.workspace.api.contents import read_metadata
from bot.workspace.blocks import MESSAGE_BLOCKS, check_blocks
from bot.workspace.calls import Call
from bot.workspace.channels import Channel, find_channel
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.messages import add_message, change_message, find_message, read_body
from bot.workspace.people import person
from bot.workspace.status import clear_status
from bot.workspace.streams import append_chunks, close_stream, is_streaming, open_stream


def start_stream(call: Call) -> Json:
    channel = postable_channel(call)
    thread_ts = call.text("thread_ts")
    if channel.kind == "im" and not thread_ts:
        raise SlackError("invalid_arguments", "missing required field: thread_ts")
    _check_recipient(call, channel)
    call.workspace.pacing.post(channel.id)
    body: Json = {"streaming_state": "in_progress", "text": ""}
    append_chunks(body, _chunks(call))
    message = add_message(
        call.workspace, channel, call.grant.user, body, thread_ts=thread_ts or None, frame_type="stream_started"
    )
    open_stream(call.workspace, channel, message["ts"])
    clear_status(call.workspace, channel, message.get("thread_ts"))
    return {"channel": channel.id, "ts": message["ts"]}


def append_stream(call: Call) -> Json:
    channel, row = _open_message(call)
    chunks = _chunks(call)
    if not chunks:
        raise SlackError("no_text")
    body = read_body(call.workspace, channel, row["ts"])
    added = append_chunks(body, chunks)
    frame = {"type": "stream_appended", "ts": row["ts"], "thread_ts": row["thread_ts"], "text": added}
    change_message(call.workspace, channel, row["ts"], body, frame=frame, tell=False)
    return {"channel": channel.id, "ts": row["ts"]}


def stop_stream(call: Call) -> Json:
    channel, row = _open_message(call)
    blocks = call.array("blocks", error="invalid_blocks_format")
    metadata = read_metadata(call)
    body = read_body(call.workspace, channel, row["ts"])
    append_chunks(body, _chunks(call))
    body["blocks"] += check_blocks(blocks or [], too_many="msg_blocks_too_many")
    if len(body["blocks"]) > MESSAGE_BLOCKS:
        raise SlackError("msg_blocks_too_many")
    if not body["text"] and not body["blocks"]:
        raise SlackError("no_text")
    if metadata:
        body["metadata"] = metadata
    body["streaming_state"] = "completed"
    close_stream(call.workspace, channel, row["ts"])
    message = change_message(call.workspace, channel, row["ts"], body, frame={"type": "stream_stopped"})
    return {"channel": channel.id, "ts": row["ts"], "message": message}


def _check_recipient(call: Call, channel: Channel) -> None:
    """In a channel Slack wants to know for whom the text streams."""
    if channel.kind == "im":
        return
    if not call.text("recipient_team_id"):
        raise SlackError("missing_recipient_team_id")
    if not call.text("recipient_user_id"):
        raise SlackError("missing_recipient_user_id")
    if call.text("recipient_team_id") != call.workspace.team.id:
        raise SlackError("team_not_found")
    person(call.workspace, call.text("recipient_user_id"))


def _open_message(call: Call) -> tuple[Channel, sqlite3.Row]:
    channel = find_channel(call.workspace, call.required("channel", error="channel_not_found"), call.grant)
    row = find_message(call.workspace, channel, call.required("ts", error="message_not_found"))
    if row["author"] != call.grant.user:
        raise SlackError("message_not_owned_by_app")
    if not is_streaming(call.workspace, channel, row["ts"]):
        raise SlackError("message_not_in_streaming_state")
    return channel, row


def _chunks(call: Call) -> list[Any]:
    chunks = call.array("chunks", error="invalid_chunks") or []
    text = call.text("markdown_text")
    return [*([{"type": "markdown_text", "text": text}] if text else []), *chunks]
