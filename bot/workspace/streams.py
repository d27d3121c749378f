"""Messages that are still being written."""

import time
from typing import Any

from bot.workspace.blocks import MARKDOWN_CHARACTERS, check_blocks
from bot.workspace.channels import Channel
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json, as_array
from bot.workspace.workspace import Workspace


def open_stream(workspace: Workspace, channel: Channel, ts: str) -> None:
    workspace.state.write("INSERT INTO streams (channel, ts, started) VALUES (?, ?, ?)", channel.id, ts, time.time())


def close_stream(workspace: Workspace, channel: Channel, ts: str) -> None:
    workspace.state.write("UPDATE streams SET open = 0 WHERE channel = ? AND ts = ?", channel.id, ts)


def is_streaming(workspace: Workspace, channel: Channel, ts: str) -> bool:
    """Tell whether it takes more text: not once it is stopped, nor some five minutes after its start."""
    row = workspace.state.row("SELECT started, open FROM streams WHERE channel = ? AND ts = ?", channel.id, ts)
    return row is not None and bool(row["open"]) and time.time() - row["started"] < workspace.options.stream_s


def append_chunks(body: Json, chunks: list[Any]) -> str:
    """Add chunks to the blocks of `body`, and return the markdown that was added."""
    added: list[str] = []
    blocks: list[Json] = [{**block} for block in body.get("blocks", [])]
    for chunk in chunks:
        match chunk:
            case {"type": "markdown_text", "text": str(text)}:
                _check_length(text)
                added.append(text)
                if blocks and blocks[-1]["type"] == "markdown":
                    blocks[-1]["text"] += text
                else:
                    blocks += check_blocks([{"type": "markdown", "text": text}])
            case {"type": "task_update", "id": str(), "title": str()}:
                _merge_task(blocks, chunk)
            case {"type": "plan_update", "title": str(title)}:
                blocks += check_blocks([{"type": "plan", "title": title}])
            case {"type": "blocks", "blocks": more}:
                blocks += check_blocks(as_array(more) or [], too_many="msg_blocks_too_many")
            case _:
                raise SlackError("invalid_chunks")
    body["blocks"] = blocks
    body["text"] = body.get("text", "") + "".join(added)
    return "".join(added)


def _check_length(text: str) -> None:
    if len(text) > MARKDOWN_CHARACTERS:
        raise SlackError("msg_too_long")


def _merge_task(blocks: list[Json], chunk: Json) -> None:
    task = {"type": "task_card", "task_id": chunk["id"], "title": chunk["title"], "status": chunk.get("status")}
    for block in blocks:
        if block["type"] == "task_card" and block.get("task_id") == chunk["id"]:
            block.update(task)
            return
    blocks += check_blocks([task])
