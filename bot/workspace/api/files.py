"""files.*: uploaded in three steps, then shared into a channel or kept for a form."""

from typing import Any

from bot.workspace import events
from bot.workspace.calls import Call
from bot.workspace.channels import channels, find_channel
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.messages import add_message, leave_tombstone
from bot.workspace.uploads import (
    UPLOAD_BYTES,
    NewFile,
    add_upload,
    delete_file,
    finish_upload,
    may_see,
    read_file_body,
    share_file,
    shared_in,
)


def get_upload_url(call: Call) -> Json:
    filename = call.required("filename", error="missing_argument")
    length = call.number("length", default=0, error="missing_argument")
    if not length:
        raise SlackError("missing_argument")
    if length > UPLOAD_BYTES:
        raise SlackError("file_upload_size_restricted")
    new = NewFile(name=filename, size=length, user=call.grant.user)
    file_id, upload_url = add_upload(call.workspace, new)
    return {"upload_url": upload_url, "file_id": file_id}


def complete_upload(call: Call) -> Json:
    listed: list[Any] = call.array("files", error="invalid_arguments") or []
    if not listed:
        raise SlackError("invalid_arguments", "missing required field: files")
    files = [_finish(call, entry) for entry in listed]
    if call.text("channel_id"):
        _share(call, files)
    return {"files": files}


def info(call: Call) -> Json:
    file = read_file_body(call.workspace, call.required("file", error="file_not_found"))
    if not may_see(call.workspace, file["id"], call.grant.user):
        raise SlackError("file_not_found")
    return {"file": file, "comments": [], "response_metadata": {"next_cursor": ""}}


def delete(call: Call) -> Json:
    """A person's own file: gone from wherever it was shared, and the app is told once."""
    file = read_file_body(call.workspace, call.required("file", error="file_not_found"))
    if file["user"] != call.grant.user:
        raise SlackError("cant_delete_file")
    delete_file(call.workspace, file["id"])
    shared = shared_in(call.workspace, file["id"])
    places = [channel for channel in channels(call.workspace, call.grant) if channel.id in shared]
    for channel in places:
        leave_tombstone(call.workspace, channel, file["id"])
    if any(channel.holds(call.workspace.team.bot.user) for channel in places):
        events.tell_app(call.workspace, "file_deleted", {"type": "file_deleted", "file_id": file["id"]})
    return {}


def _finish(call: Call, entry: Any) -> Json:
    if not isinstance(entry, dict):
        raise SlackError("invalid_arguments")
    kept: Json = {**entry}
    return finish_upload(call.workspace, str(kept.get("id", "")), call.grant.user, title=str(kept.get("title") or ""))


def _share(call: Call, files: list[Json]) -> None:
    channel = find_channel(call.workspace, call.text("channel_id"), call.grant)
    if not channel.holds(call.grant.user):
        raise SlackError("not_in_channel")
    for file in files:
        share_file(call.workspace, file["id"], channel.id)
        if channel.holds(call.workspace.team.bot.user):
            told = {"type": "file_shared", "file_id": file["id"], "user_id": call.grant.user, "channel_id": channel.id}
            events.tell_app(call.workspace, "file_shared", told | {"file": {"id": file["id"]}})
    body: Json = {"subtype": "file_share", "text": call.text("initial_comment"), "files": files, "upload": True}
    thread_ts = call.text("thread_ts") or None
    add_message(call.workspace, channel, call.grant.user, body, thread_ts=thread_ts)
