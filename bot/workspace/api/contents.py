"""What a message says: text, markdown, blocks and metadata, within Slack's limits."""

from typing import Any

from bot.workspace.blocks import MARKDOWN_CHARACTERS, check_blocks
from bot.workspace.calls import Call
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.state import encode

TEXT_CUT = 40_000
UPDATE_TEXT = 4_000
METADATA_BYTES = 16_384
ATTACHMENTS = 100


def read_contents(call: Call, *, needs_text: bool = True) -> tuple[Json, list[str]]:
    """Return the parts given (`text`, `blocks`, `attachments`, `metadata`) and the warnings for the answer."""
    parts: Json = {}
    warnings: list[str] = []
    text = call.text("text")
    markdown = call.text("markdown_text")
    blocks = call.array("blocks", error="invalid_blocks_format")
    attachments = call.array("attachments", error="invalid_attachments")
    if markdown:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        parts |= {"text": markdown, "blocks": check_blocks([markdown_block(markdown)])}
    if "text" in call.arguments and not markdown:
        if len(text) > TEXT_CUT:
            warnings.append("message_truncated")
        parts["text"] = text[:TEXT_CUT]
    if blocks is not None:
        parts["blocks"] = check_blocks(blocks)
    if attachments is not None:
        if len(attachments) > ATTACHMENTS:
            raise SlackError("too_many_attachments")
        parts["attachments"] = attachments
    if needs_text and not any(parts.get(name) for name in ("text", "blocks", "attachments")):
        raise SlackError("no_text")
    metadata = read_metadata(call)
    if metadata is not None:
        parts["metadata"] = metadata
    return parts, warnings


def markdown_block(text: str) -> Json:
    """Raise SlackError msg_too_long where it is more than a call may bring."""
    if len(text) > MARKDOWN_CHARACTERS:
        raise SlackError("msg_too_long")
    return {"type": "markdown", "text": text}


def read_metadata(call: Call) -> Json | None:
    """Return the message's metadata; an empty object removes it."""
    metadata: Any = call.mapping("metadata", error="invalid_metadata_format")
    if not metadata:
        return metadata
    if call.grant.kind != "bot":
        raise SlackError("metadata_must_be_sent_from_app")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if len(encode(metadata).encode()) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return metadata
