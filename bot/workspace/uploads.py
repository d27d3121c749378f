"""Uploaded files: a row each, and the bytes under the file's id."""

import mimetypes
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bot.workspace.errors import SlackError
from bot.workspace.identity import new_id
from bot.workspace.json_values import Json
from bot.workspace.state import decode, encode
from bot.workspace.workspace import Workspace

UPLOAD_BYTES = 64 * 1024 * 1024  # Slack takes 1 GB; this server holds a file in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    name: str
    size: int
    user: str


def add_upload(workspace: Workspace, new: NewFile) -> tuple[str, str]:
    """Return the file's id and the address that takes its bytes, once."""
    file_id, ticket = new_id("F"), secrets.token_urlsafe(24)
    mimetype = mimetypes.guess_type(new.name)[0] or "application/octet-stream"
    name = new.name.rsplit("/", 1)[-1]
    private = f"{workspace.address}/files-pri/{workspace.team.id}-{file_id}"
    body: Json = {
        "id": file_id,
        "created": int(time.time()),
        "timestamp": int(time.time()),
        "name": name,
        "title": name,
        "mimetype": mimetype,
        "filetype": Path(name).suffix.removeprefix(".").lower() or "text",
        "user": new.user,
        "user_team": workspace.team.id,
        "size": new.size,
        "mode": "hosted",
        "is_external": False,
        "url_private": f"{private}/{quote(name, safe='')}",
        "url_private_download": f"{private}/download/{quote(name, safe='')}",
    }
    workspace.state.write(
        "INSERT INTO files (id, user, ticket, state, body) VALUES (?, ?, ?, 'waiting', ?)",
        *(file_id, new.user, ticket, encode(body)),
    )
    return file_id, f"{workspace.address}/upload/v1/{ticket}"


def receive_bytes(workspace: Workspace, ticket: str, data: bytes) -> bool:
    """Keep the bytes of an upload; False where no such upload is waiting."""
    row = workspace.state.row("SELECT id, body FROM files WHERE ticket = ? AND state = 'waiting'", ticket)
    if row is None:
        return False
    folder = workspace.options.home / "files"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / row["id"]).write_bytes(data)
    body = decode(row["body"]) | {"size": len(data)}
    workspace.state.write("UPDATE files SET state = 'received', body = ? WHERE id = ?", encode(body), row["id"])
    return True


def finish_upload(workspace: Workspace, file_id: str, user: str, *, title: str) -> Json:
    """Make a received file visible. Raises SlackError file_not_found."""
    row = workspace.state.row("SELECT body FROM files WHERE id = ? AND user = ? AND state = 'received'", file_id, user)
    if row is None:
        raise SlackError("file_not_found")
    body = decode(row["body"])
    body["title"] = title or body["title"]
    workspace.state.write("UPDATE files SET state = 'complete', body = ? WHERE id = ?", encode(body), file_id)
    return body


def share_file(workspace: Workspace, file_id: str, channel: str) -> None:
    workspace.state.write("INSERT OR IGNORE INTO file_shares (file, channel) VALUES (?, ?)", file_id, channel)


def shared_in(workspace: Workspace, file_id: str) -> set[str]:
    """The channels that it was shared in, by their ids."""
    return {row["channel"] for row in workspace.state.rows("SELECT channel FROM file_shares WHERE file = ?", file_id)}


def delete_file(workspace: Workspace, file_id: str) -> None:
    workspace.state.write("UPDATE files SET state = 'deleted' WHERE id = ?", file_id)
    (workspace.options.home / "files" / file_id).unlink()


def read_file_body(workspace: Workspace, file_id: str) -> Json:
    """Raise SlackError file_not_found, or file_deleted."""
    row = workspace.state.row("SELECT state, body FROM files WHERE id = ?", file_id)
    if row is not None and row["state"] == "deleted":
        raise SlackError("file_deleted")
    if row is None or row["state"] != "complete":
        raise SlackError("file_not_found")
    return decode(row["body"])


def read_bytes(workspace: Workspace, file_id: str) -> bytes:
    return (workspace.options.home / "files" / file_id).read_bytes()


def may_see(workspace: Workspace, file_id: str, user: str) -> bool:
    """Tell whether it is their own, was shared where they are, or was handed to the app in a form."""
    row = workspace.state.row(
        "SELECT 1 FROM files WHERE id = ? AND user = ? UNION SELECT 1 FROM file_shares s "
        "JOIN channels c ON c.id = s.channel LEFT JOIN members m ON m.channel = s.channel AND m.user = ? "
        "WHERE s.file = ? AND (m.user IS NOT NULL OR (c.kind = 'public' AND ? != ?)) "
        "UNION SELECT 1 FROM file_shares WHERE file = ? AND channel = ?",
        *(file_id, user, user, file_id, user, workspace.team.bot.user, file_id, user),
    )
    return row is not None
