"""Response URLs: five answers within thirty minutes to a command or a click, without a token."""

import secrets
import time

from aiohttp import web

from bot.workspace.api.chat import add_ephemeral
from bot.workspace.blocks import check_blocks
from bot.workspace.calls import read_arguments
from bot.workspace.channels import Channel, find_channel
from bot.workspace.errors import SlackError
from bot.workspace.identity import Grant
from bot.workspace.json_values import Json, as_array
from bot.workspace.messages import add_message, change_message, delete_message, read_body
from bot.workspace.state import decode, encode
from bot.workspace.workspace import Workspace

USES = 5
LIFETIME_S = 30 * 60


def give_response_url(workspace: Workspace, channel: str, user: str, *, message_ts: str | None = None) -> str:
    secret = secrets.token_urlsafe(24)
    workspace.state.write(
        "INSERT INTO response_urls (secret, channel, user, message_ts, created) VALUES (?, ?, ?, ?, ?)",
        *(secret, channel, user, message_ts, time.time()),
    )
    return f"{workspace.address}/response/{secret}"


async def answer_response_url(request: web.Request, workspace: Workspace) -> web.Response:
    try:
        with workspace.change():
            row = _use(workspace, request.match_info["secret"])
        body = await read_arguments(request)
        with workspace.change():
            respond(workspace, row["channel"], row["user"], body, original=row["message_ts"])
    except SlackError as error:
        status = 404 if error.error in {"used_url", "expired_url", "invalid_url"} else 400
        return web.json_response(error.body(), status=status)
    return web.Response(text="ok")


def respond(workspace: Workspace, channel_id: str, user: str, body: Json, *, original: str | None = None) -> None:
    """Post what a command, click or response URL brought: to one person, unless it says in_channel."""
    # The person's own right to see the channel: the app need not be in it.
    channel = find_channel(workspace, channel_id, Grant(kind="user", user=user, scopes=frozenset()))
    if original is not None and body.get("delete_original") in {True, "true"}:
        _delete(workspace, channel, original)
        return
    parts = _parts(body)
    if original is not None and body.get("replace_original") in {True, "true"}:
        _replace(workspace, channel, original, parts)
        return
    if not parts.get("text") and not parts.get("blocks"):
        raise SlackError("no_text")
    if body.get("response_type") == "in_channel":
        add_message(workspace, channel, workspace.team.bot.user, parts, thread_ts=body.get("thread_ts"))
    else:
        add_ephemeral(workspace, channel, user, parts)


def _use(workspace: Workspace, secret: str) -> Json:
    row = workspace.state.row("SELECT * FROM response_urls WHERE secret = ?", secret)
    if row is None:
        raise SlackError("invalid_url")
    if time.time() - row["created"] > LIFETIME_S:
        raise SlackError("expired_url")
    if row["uses"] >= USES:
        raise SlackError("used_url")
    workspace.state.write("UPDATE response_urls SET uses = uses + 1 WHERE secret = ?", secret)
    return dict(row)


def _parts(body: Json) -> Json:
    blocks = as_array(body.get("blocks"))
    if blocks is None and body.get("blocks") is not None:
        raise SlackError("invalid_blocks_format")
    parts: Json = {"text": str(body.get("text") or "")[:40_000]}
    if blocks is not None:
        parts["blocks"] = check_blocks(blocks)
    return parts


def _replace(workspace: Workspace, channel: Channel, ts: str, parts: Json) -> None:
    row = workspace.state.row("SELECT * FROM ephemerals WHERE channel = ? AND ts = ?", channel.id, ts)
    if row is None:
        body = read_body(workspace, channel, ts)
        body.pop("blocks", None)
        change_message(workspace, channel, ts, body | parts)
        return
    body = decode(row["body"])
    body.pop("blocks", None)
    body |= parts
    workspace.state.write("UPDATE ephemerals SET body = ? WHERE channel = ? AND ts = ?", encode(body), channel.id, ts)
    frame = {"type": "ephemeral_changed", "channel": channel.id, "message": body}
    workspace.live.announce({row["user"]}, frame)


def _delete(workspace: Workspace, channel: Channel, ts: str) -> None:
    row = workspace.state.row("SELECT user FROM ephemerals WHERE channel = ? AND ts = ?", channel.id, ts)
    if row is None:
        delete_message(workspace, channel, ts)
        return
    workspace.state.write("DELETE FROM ephemerals WHERE channel = ? AND ts = ?", channel.id, ts)
    frame = {"type": "ephemeral_deleted", "channel": channel.id, "ts": ts}
    workspace.live.announce({row["user"]}, frame)
