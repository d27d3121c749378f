"""Forms (modals) and homes: checked, stacked, shown."""

import secrets
import time
from typing import Any

from bot.workspace.block_elements import check_text
from bot.workspace.blocks import VIEW_BLOCKS, check_blocks
from bot.workspace.errors import SlackError
from bot.workspace.identity import new_id
from bot.workspace.json_values import Json, as_array
from bot.workspace.state import decode, encode
from bot.workspace.workspace import Workspace

VIEW_BYTES = 250_000
PRIVATE_METADATA = 3_000
CALLBACK_ID = 255
LABEL = 24

_KEPT = (
    "title",
    "submit",
    "close",
    "private_metadata",
    "callback_id",
    "external_id",
    "notify_on_close",
    "clear_on_close",
    "submit_disabled",
)


def check_view(view: Json, kind: str) -> Json:
    """Return the view with ids filled in. Raises SlackError invalid_arguments with the place of each fault."""
    if len(encode(view).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")
    faults: list[str] = []
    _check_fields(view, kind, faults)
    blocks = as_array(view.get("blocks"))
    if blocks is None:
        faults.append("missing required field: blocks [json-pointer:/view/blocks]")
    checked = _check_view_blocks(blocks or [], faults)
    if any(block["type"] == "input" for block in checked) and kind == "modal" and not view.get("submit"):
        faults.append("missing required field: submit [json-pointer:/view]")
    if faults:
        raise SlackError("invalid_arguments", *faults)
    return view | {"blocks": checked}


def add_view(workspace: Workspace, user: str, view: Json, *, beneath: str | None = None) -> Json:
    """Open a view for a person; a modal that was open without being its `beneath` is replaced."""
    if view.get("external_id") and _by_external_id(workspace, view["external_id"]) is not None:
        raise SlackError("duplicate_external_id")
    stack = open_views(workspace, user)
    if view["type"] == "modal" and beneath is None:
        close_views(workspace, stack)
        stack = []
    view_id = new_id("V")
    root = stack[0]["id"] if stack and view["type"] == "modal" else view_id
    body = _stored(workspace, view) | {"id": view_id, "root_view_id": root, "previous_view_id": beneath}
    workspace.state.write(
        "INSERT INTO views (id, user, kind, position, root, body) VALUES (?, ?, ?, ?, ?, ?)",
        *(view_id, user, view["type"], len(stack), root, encode(body)),
    )
    frame = "home_published" if view["type"] == "home" else "view_pushed" if beneath else "view_opened"
    workspace.live.announce({user}, {"type": frame, "view": body})
    return body


def replace_view(workspace: Workspace, kept: Json, view: Json) -> Json:
    """Put another content into an open view."""
    body = _stored(workspace, view) | {name: kept[name] for name in ("id", "root_view_id", "previous_view_id")}
    row = workspace.state.row("SELECT user FROM views WHERE id = ?", kept["id"])
    if row is None:
        raise SlackError("not_found")
    workspace.state.write("UPDATE views SET body = ? WHERE id = ?", encode(body), kept["id"])
    frame = "home_published" if body["type"] == "home" else "view_updated"
    workspace.live.announce({row["user"]}, {"type": frame, "view": body})
    return body


def read_view(workspace: Workspace, view_id: str, *, external_id: str = "") -> Json:
    """Raise SlackError not_found."""
    row = workspace.state.row("SELECT body FROM views WHERE id = ?", view_id)
    body = decode(row["body"]) if row is not None else _by_external_id(workspace, external_id)
    if body is None:
        raise SlackError("not_found")
    return body


def open_views(workspace: Workspace, user: str) -> list[Json]:
    """Return a person's stack of modals, the lowest first."""
    rows = workspace.state.rows("SELECT body FROM views WHERE user = ? AND kind = 'modal' ORDER BY position", user)
    return [decode(row["body"]) for row in rows]


def home_of(workspace: Workspace, user: str) -> Json | None:
    row = workspace.state.row("SELECT body FROM views WHERE user = ? AND kind = 'home'", user)
    return None if row is None else decode(row["body"])


def close_views(workspace: Workspace, views: list[Json]) -> None:
    for view in views:
        row = workspace.state.row("SELECT user FROM views WHERE id = ?", view["id"])
        workspace.state.write("DELETE FROM views WHERE id = ?", view["id"])
        if row is not None:
            workspace.live.announce({row["user"]}, {"type": "view_closed", "view_id": view["id"]})


def _check_fields(view: Json, kind: str, faults: list[str]) -> None:
    if view.get("type") != kind:
        faults.append(f"must be {kind} [json-pointer:/view/type]")
    for name in ("title", "submit", "close"):
        if view.get(name) is not None or (name == "title" and kind == "modal"):
            check_text(view.get(name), f"/view/{name}", faults, at_most=LABEL, types=("plain_text",))
    for name, at_most in (("private_metadata", PRIVATE_METADATA), ("callback_id", CALLBACK_ID)):
        if len(str(view.get(name) or "")) > at_most:
            faults.append(f"must be less than {at_most + 1} characters [json-pointer:/view/{name}]")


def _check_view_blocks(blocks: list[Any], faults: list[str]) -> list[Json]:
    try:
        return check_blocks(blocks, at_most=VIEW_BLOCKS)
    except SlackError as error:
        faults.extend(error.messages)
        return []


def _by_external_id(workspace: Workspace, external_id: str) -> Json | None:
    if not external_id:
        return None
    bodies = [decode(row["body"]) for row in workspace.state.rows("SELECT body FROM views")]
    return next((body for body in bodies if body.get("external_id") == external_id), None)


def _stored(workspace: Workspace, view: Json) -> Json:
    bot = workspace.team.bot
    kept: Json = {name: view[name] for name in _KEPT if view.get(name) is not None}
    return {
        "team_id": workspace.team.id,
        "app_id": bot.app,
        "bot_id": bot.bot,
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "notify_on_close": False,
        "clear_on_close": False,
        **kept,
        "type": view["type"],
        "blocks": view["blocks"],
        "state": {"values": {}},
        "hash": f"{time.time():.6f}.{secrets.token_hex(4)}",
    }
