"""Messages: stored, shown to pages, told to the app."""

import sqlite3

from bot.workspace import events
from bot.workspace.channels import Channel, readers
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.state import decode, encode
from bot.workspace.workspace import Workspace


def add_message(
    workspace: Workspace,
    channel: Channel,
    author: str,
    body: Json,
    *,
    thread_ts: str | None = None,
    broadcast: bool = False,
    frame_type: str = "message",
) -> Json:
    """Store a new message and tell of it; `body` is Slack's message without ids, author and thread."""
    thread = find_message(workspace, channel, thread_ts, error="thread_not_found") if thread_ts else None
    if thread is not None:
        thread_ts = thread["thread_ts"] or thread["ts"]  # a reply's ts names its thread, as at Slack
    ts = workspace.state.next_ts()
    kept = {**_author(workspace, author), **body}
    if thread is not None and broadcast:
        kept.setdefault("subtype", "thread_broadcast")
    workspace.state.write(
        "INSERT INTO messages (channel, ts, thread_ts, broadcast, author, body) VALUES (?, ?, ?, ?, ?, ?)",
        *(channel.id, ts, thread_ts, int(broadcast), author, encode(kept)),
    )
    message = read_message(workspace, channel, ts)
    workspace.live.announce(
        readers(workspace, channel), {"type": frame_type, "channel": channel.id, "message": message}
    )
    if thread is not None:
        announce_changed(workspace, channel, thread_ts or "")
    event = _event(workspace, channel, message, thread)
    if channel.kind != "im" and f"<@{workspace.team.bot.user}" in body.get("text", ""):
        events.tell_app_of_mention(workspace, channel=channel.id, kind=channel.kind, message=event)
    events.tell_app_of_message(workspace, channel=channel.id, kind=channel.kind, event=event)
    return message


def change_message(
    workspace: Workspace, channel: Channel, ts: str, body: Json, *, frame: Json | None = None, tell: bool = True
) -> Json:
    """Replace a message's body. `frame` goes to pages in place of message_changed; `tell` sends the app its event."""
    previous = read_message(workspace, channel, ts)
    workspace.state.write("UPDATE messages SET body = ? WHERE channel = ? AND ts = ?", encode(body), channel.id, ts)
    message = read_message(workspace, channel, ts)
    if frame is None:
        announce_changed(workspace, channel, ts)
    else:
        whole = {**frame, "channel": channel.id, "message": message}
        workspace.live.announce(readers(workspace, channel), whole)
    if tell:
        event = {"subtype": "message_changed", "message": message, "previous_message": previous, "hidden": True}
        _tell_of_change(workspace, channel, event)
    return message


def delete_message(workspace: Workspace, channel: Channel, ts: str) -> None:
    """Delete a message; a parent that has replies stays as a tombstone, so that its thread keeps its head."""
    message = read_message(workspace, channel, ts)
    if message.get("reply_count"):
        stone = {"subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.", "hidden": True}
        change_message(workspace, channel, ts, stone)
        return
    workspace.state.write("DELETE FROM messages WHERE channel = ? AND ts = ?", channel.id, ts)
    workspace.state.write("DELETE FROM streams WHERE channel = ? AND ts = ?", channel.id, ts)
    thread_ts = message.get("thread_ts")
    frame = {"type": "message_deleted", "channel": channel.id, "ts": ts, "thread_ts": thread_ts}
    workspace.live.announce(readers(workspace, channel), frame)
    if thread_ts:
        announce_changed(workspace, channel, thread_ts)
    event = {"subtype": "message_deleted", "previous_message": message, "deleted_ts": ts, "hidden": True}
    _tell_of_change(workspace, channel, event)


def leave_tombstone(workspace: Workspace, channel: Channel, file_id: str) -> None:
    """A file was deleted: in the messages that it is attached to, its id is what is left."""
    rows = workspace.state.rows("SELECT ts, body FROM messages WHERE channel = ?", channel.id)
    for row in rows:
        body = decode(row["body"])
        files = body.get("files", [])
        if any(file["id"] == file_id for file in files):
            stone = {"id": file_id, "mode": "tombstone"}
            body["files"] = [stone if file["id"] == file_id else file for file in files]
            change_message(workspace, channel, row["ts"], body, tell=False)


def find_message(workspace: Workspace, channel: Channel, ts: str, *, error: str = "message_not_found") -> sqlite3.Row:
    """Return the stored row. Raises SlackError with `error`."""
    row = workspace.state.row("SELECT * FROM messages WHERE channel = ? AND ts = ?", channel.id, ts)
    if row is None:
        raise SlackError(error)
    return row


def read_message(workspace: Workspace, channel: Channel, ts: str) -> Json:
    return render_message(workspace, find_message(workspace, channel, ts))


def read_body(workspace: Workspace, channel: Channel, ts: str) -> Json:
    """Return what is kept of a message, to change it and give it to `change_message`."""
    return decode(find_message(workspace, channel, ts)["body"])


def render_message(workspace: Workspace, row: sqlite3.Row) -> Json:
    """Give Slack's message object, its thread's figures counted afresh."""
    message: Json = {"type": "message", **decode(row["body"]), "ts": row["ts"], "team": workspace.team.id}
    if row["thread_ts"]:
        return message | {"thread_ts": row["thread_ts"]}
    replies = workspace.state.rows(
        "SELECT ts, author FROM messages WHERE channel = ? AND thread_ts = ? ORDER BY ts", row["channel"], row["ts"]
    )
    if not replies:
        return message
    authors = list(dict.fromkeys(reply["author"] for reply in replies))
    return message | {
        "thread_ts": row["ts"],
        "reply_count": len(replies),
        "reply_users": authors,
        "reply_users_count": len(authors),
        "latest_reply": replies[-1]["ts"],
    }


def announce_changed(workspace: Workspace, channel: Channel, ts: str) -> None:
    row = workspace.state.row("SELECT * FROM messages WHERE channel = ? AND ts = ?", channel.id, ts)
    if row is not None:
        frame = {"type": "message_changed", "channel": channel.id, "message": render_message(workspace, row)}
        workspace.live.announce(readers(workspace, channel), frame)


def _author(workspace: Workspace, author: str) -> Json:
    bot = workspace.team.bot
    if author != bot.user:
        return {"user": author}
    return {"user": author, "bot_id": bot.bot, "app_id": bot.app}


def _event(workspace: Workspace, channel: Channel, message: Json, thread: sqlite3.Row | None) -> Json:
    event = {name: value for name, value in message.items() if not name.startswith("reply_") and name != "metadata"}
    if thread is not None:
        head = workspace.state.row(
            "SELECT author FROM messages WHERE channel = ? AND ts = ?", channel.id, message["thread_ts"]
        )
        event["parent_user_id"] = head["author"] if head is not None else None
    return event


def _tell_of_change(workspace: Workspace, channel: Channel, event: Json) -> None:
    event["ts"] = workspace.state.next_ts()
    events.tell_app_of_message(workspace, channel=channel.id, kind=channel.kind, event=event)
