"""What Slack refuses, by method and by the name of the error: the README's table and the test read this list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bot.workspace.driver import Json, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What there is to call upon: channels, and a message of each kind in #handbook."""

    workspace: Workspace
    asked: str  # Ada's
    answered: str  # the bot's
    streaming: str
    streamed: str
    trigger: str

    @property
    def handbook(self) -> str:
        return self.workspace.channel("handbook")

    @property
    def random(self) -> str:
        """Return the channel that the bot is not in."""
        return self.workspace.channel("random")

    @property
    def ada(self) -> str:
        return self.workspace.people["ada"]


Arguments = Callable[[Scene], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    method: str
    error: str
    arguments: Arguments
    caller: str = "bot"  # or a person's name, or "app"

    def __str__(self) -> str:
        return f"{self.method}-{self.error}"


def _text(characters: int, kind: str = "plain_text") -> Json:
    return {"type": kind, "text": "x" * characters}


def _section(characters: int = 1) -> Json:
    return {"type": "section", "text": _text(characters, "mrkdwn")}


def _modal(**more: Any) -> Json:
    return {"type": "modal", "title": _text(5), "blocks": [_section()], **more}


_FEEDBACK: Json = {
    "type": "feedback_buttons",
    "action_id": "feedback",
    "positive_button": {"text": _text(4), "value": "up"},
    "negative_button": {"text": _text(4), "value": "down"},
}
_NOWHERE = "C0000000000"
_NEVER = "1000000000.000001"


def _refused(method: str, error: str, arguments: Arguments, caller: str = "bot") -> Refusal:
    return Refusal(method=method, error=error, arguments=arguments, caller=caller)


def _post(error: str, caller: str = "bot", **arguments: Any) -> Refusal:
    return _refused("chat.postMessage", error, lambda scene: {"channel": scene.handbook, **arguments}, caller)


def _stream(method: str, error: str, **arguments: Any) -> Refusal:
    return _refused(method, error, lambda scene: {"channel": scene.handbook, "ts": scene.streaming, **arguments})


def _recipient(scene: Scene) -> Json:
    return {"recipient_team_id": scene.workspace.team, "recipient_user_id": scene.ada, "thread_ts": scene.asked}


REFUSALS: tuple[Refusal, ...] = (
    _refused("chat.postMessage", "channel_not_found", lambda _: {"channel": _NOWHERE, "text": "x"}),
    _refused(
        "chat.postMessage",
        "channel_not_found",
        lambda scene: {"channel": scene.workspace.channel("people-ops"), "text": "x"},
        "sam",
    ),
    _refused("chat.postMessage", "not_in_channel", lambda scene: {"channel": scene.random, "text": "x"}),
    _post("no_text"),
    _post("no_text", text=""),
    _post("thread_not_found", text="x", thread_ts=_NEVER),
    _post("invalid_blocks_format", blocks="{"),
    _post("invalid_blocks", blocks=[_section()] * 51),
    _post("invalid_blocks", blocks=[_section(3001)]),
    _post("invalid_blocks", blocks=[{"type": "header", "text": _text(151)}]),
    _post("invalid_blocks", blocks=[{"type": "actions", "elements": [_FEEDBACK]}]),
    _post("invalid_blocks", blocks=[{"type": "context_actions", "elements": [{"type": "button", "text": _text(1)}]}]),
    _post("invalid_blocks", blocks=[{"type": "actions", "elements": [{"type": "button", "text": _text(76)}]}]),
    _post("invalid_blocks", blocks=[{**_section(), "block_id": "a"}, {**_section(), "block_id": "a"}]),
    _post("invalid_blocks", blocks=[{"type": "unheard_of"}]),
    _post("msg_blocks_too_long", blocks=[{"type": "markdown", "text": "x" * 6001}] * 2),
    _post("msg_too_long", markdown_text="x" * 12_001),
    _post("markdown_text_conflict", markdown_text="x", text="x"),
    _post("invalid_attachments", text="x", attachments="{"),
    _post("too_many_attachments", text="x", attachments=[{"text": "x"}] * 101),
    _post("invalid_metadata_format", text="x", metadata="["),
    _post("invalid_metadata_schema", text="x", metadata={"event_type": "x"}),
    _post("metadata_too_large", text="x", metadata={"event_type": "x", "event_payload": {"a": "x" * 20_000}}),
    _post("metadata_must_be_sent_from_app", "ada", text="x", metadata={"event_type": "x", "event_payload": {}}),
    _refused("chat.postEphemeral", "not_in_channel", lambda scene: {"channel": scene.random, "user": scene.ada}),
    _refused(
        "chat.postEphemeral",
        "user_not_in_channel",
        lambda scene: {
            "channel": scene.workspace.channel("people-ops"),
            "user": scene.workspace.people["sam"],
            "text": "x",
        },
    ),
    _refused("chat.postEphemeral", "no_text", lambda scene: {"channel": scene.handbook, "user": scene.ada}),
    _refused(
        "chat.update", "channel_not_found", lambda scene: {"channel": _NOWHERE, "ts": scene.answered, "text": "x"}
    ),
    _refused("chat.update", "message_not_found", lambda scene: {"channel": scene.handbook, "ts": _NEVER, "text": "x"}),
    _refused(
        "chat.update",
        "cant_update_message",
        lambda scene: {"channel": scene.handbook, "ts": scene.asked, "text": "x"},
    ),
    _refused(
        "chat.update",
        "streaming_state_conflict",
        lambda scene: {"channel": scene.handbook, "ts": scene.streaming, "text": "x"},
    ),
    _refused(
        "chat.update",
        "msg_too_long",
        lambda scene: {"channel": scene.handbook, "ts": scene.answered, "text": "x" * 4001},
    ),
    _refused("chat.update", "no_text", lambda scene: {"channel": scene.handbook, "ts": scene.answered}),
    _refused("chat.delete", "message_not_found", lambda scene: {"channel": scene.handbook, "ts": _NEVER}),
    _refused("chat.delete", "cant_delete_message", lambda scene: {"channel": scene.handbook, "ts": scene.asked}),
    _refused("chat.getPermalink", "message_not_found", lambda scene: {"channel": scene.handbook, "message_ts": _NEVER}),
    _refused(
        "chat.startStream",
        "missing_recipient_team_id",
        lambda scene: {"channel": scene.handbook, "thread_ts": scene.asked, "recipient_user_id": scene.ada},
    ),
    _refused(
        "chat.startStream",
        "missing_recipient_user_id",
        lambda scene: {
            "channel": scene.handbook,
            "thread_ts": scene.asked,
            "recipient_team_id": scene.workspace.team,
        },
    ),
    _refused("chat.startStream", "not_in_channel", lambda scene: {"channel": scene.random, **_recipient(scene)}),
    _refused(
        "chat.startStream",
        "user_not_found",
        lambda scene: {"channel": scene.handbook, **_recipient(scene), "recipient_user_id": "U0000000000"},
    ),
    _refused(
        "chat.startStream",
        "team_not_found",
        lambda scene: {"channel": scene.handbook, **_recipient(scene), "recipient_team_id": "T0000000000"},
    ),
    _refused(
        "chat.startStream",
        "msg_too_long",
        lambda scene: {"channel": scene.handbook, **_recipient(scene), "markdown_text": "x" * 12_001},
    ),
    _refused(
        "chat.startStream",
        "thread_not_found",
        lambda scene: {"channel": scene.handbook, **_recipient(scene), "thread_ts": _NEVER},
    ),
    _refused("chat.startStream", "not_allowed_token_type", lambda scene: {"channel": scene.handbook}, "ada"),
    _stream("chat.appendStream", "message_not_found", ts=_NEVER, markdown_text="x"),
    _stream("chat.appendStream", "no_text"),
    _stream("chat.appendStream", "msg_too_long", markdown_text="x" * 12_001),
    _stream("chat.appendStream", "invalid_chunks", chunks=[{"type": "unheard_of"}]),
    _refused(
        "chat.appendStream",
        "message_not_owned_by_app",
        lambda scene: {"channel": scene.handbook, "ts": scene.asked, "markdown_text": "x"},
    ),
    _refused(
        "chat.appendStream",
        "message_not_in_streaming_state",
        lambda scene: {"channel": scene.handbook, "ts": scene.streamed, "markdown_text": "x"},
    ),
    _refused(
        "chat.stopStream",
        "message_not_in_streaming_state",
        lambda scene: {"channel": scene.handbook, "ts": scene.answered},
    ),
    _stream("chat.stopStream", "message_not_found", ts=_NEVER),
    _stream("chat.stopStream", "msg_blocks_too_many", blocks=[_section()] * 51),
    _stream("chat.stopStream", "invalid_blocks", blocks=[_section(3001)]),
    _refused(
        "assistant.threads.setStatus",
        "channel_not_found",
        lambda scene: {"channel_id": _NOWHERE, "thread_ts": scene.asked, "status": "x"},
    ),
    _refused(
        "assistant.threads.setStatus",
        "invalid_thread_ts",
        lambda scene: {"channel_id": scene.handbook, "thread_ts": _NEVER, "status": "x"},
    ),
    _refused("conversations.history", "channel_not_found", lambda _: {"channel": _NOWHERE}),
    _refused("conversations.history", "not_in_channel", lambda scene: {"channel": scene.random}),
    _refused("conversations.history", "invalid_ts_oldest", lambda scene: {"channel": scene.handbook, "oldest": "x"}),
    _refused("conversations.history", "invalid_ts_latest", lambda scene: {"channel": scene.handbook, "latest": "x"}),
    _refused("conversations.history", "invalid_cursor", lambda scene: {"channel": scene.handbook, "cursor": "x"}),
    _refused("conversations.history", "invalid_limit", lambda scene: {"channel": scene.handbook, "limit": "x"}),
    _refused("conversations.replies", "thread_not_found", lambda scene: {"channel": scene.handbook, "ts": _NEVER}),
    _refused(
        "conversations.archive",
        "cant_archive_general",
        lambda scene: {"channel": scene.workspace.channel("general")},
        "ada",
    ),
    _refused("conversations.archive", "missing_scope", lambda scene: {"channel": scene.handbook}),
    _refused("conversations.list", "invalid_types", lambda _: {"types": "unheard_of"}),
    _refused("conversations.list", "missing_scope", lambda _: {"types": "mpim"}),
    _refused("conversations.info", "channel_not_found", lambda _: {"channel": _NOWHERE}),
    _refused("conversations.members", "channel_not_found", lambda _: {"channel": _NOWHERE}),
    _refused("conversations.open", "users_list_not_supplied", lambda _: {}),
    _refused("conversations.open", "user_not_found", lambda _: {"users": "U0000000000"}),
    _refused("conversations.join", "missing_scope", lambda scene: {"channel": scene.random}),
    _refused(
        "conversations.join",
        "method_not_supported_for_channel_type",
        lambda scene: {"channel": scene.workspace.channel("people-ops")},
        "ada",
    ),
    _refused(
        "conversations.leave",
        "cant_leave_general",
        lambda scene: {"channel": scene.workspace.channel("general")},
        "ada",
    ),
    _refused(
        "conversations.invite",
        "already_in_channel",
        lambda scene: {"channel": scene.handbook, "users": scene.workspace.people["sam"]},
        "ada",
    ),
    _refused(
        "conversations.invite",
        "cant_invite_self",
        lambda scene: {"channel": scene.handbook, "users": scene.ada},
        "ada",
    ),
    _refused("conversations.invite", "no_user", lambda scene: {"channel": scene.handbook}, "ada"),
    _refused(
        "conversations.invite",
        "user_not_found",
        lambda scene: {"channel": scene.handbook, "users": "U0000000000"},
        "ada",
    ),
    _refused(
        "conversations.kick",
        "cant_kick_self",
        lambda scene: {"channel": scene.handbook, "user": scene.ada},
        "ada",
    ),
    _refused("users.info", "user_not_found", lambda _: {"user": "U0000000000"}),
    _refused("users.conversations", "user_not_found", lambda _: {"user": "U0000000000"}),
    _refused("bots.info", "bot_not_found", lambda _: {"bot": "B0000000000"}),
    _refused("reactions.add", "missing_scope", lambda scene: {"channel": scene.handbook, "timestamp": scene.asked}),
    _refused("reactions.add", "no_item_specified", lambda scene: {"channel": scene.handbook, "name": "eyes"}, "ada"),
    _refused(
        "reactions.add",
        "invalid_name",
        lambda scene: {"channel": scene.handbook, "timestamp": scene.asked, "name": "no such thing"},
        "ada",
    ),
    _refused(
        "reactions.add",
        "message_not_found",
        lambda scene: {"channel": scene.handbook, "timestamp": _NEVER, "name": "eyes"},
        "ada",
    ),
    _refused(
        "reactions.remove",
        "no_reaction",
        lambda scene: {"channel": scene.handbook, "timestamp": scene.asked, "name": "eyes"},
        "ada",
    ),
    _refused("files.getUploadURLExternal", "missing_scope", lambda _: {"filename": "a.txt", "length": 1}),
    _refused("files.getUploadURLExternal", "missing_argument", lambda _: {"filename": "a.txt"}, "ada"),
    _refused(
        "files.getUploadURLExternal",
        "file_upload_size_restricted",
        lambda _: {"filename": "a.txt", "length": 2_000_000_000},
        "ada",
    ),
    _refused("files.completeUploadExternal", "file_not_found", lambda _: {"files": [{"id": "F0000000000"}]}, "ada"),
    _refused("files.delete", "file_not_found", lambda _: {"file": "F0000000000"}, "ada"),
    _refused("files.delete", "missing_scope", lambda _: {"file": "F0000000000"}),
    _refused("files.info", "file_not_found", lambda _: {"file": "F0000000000"}),
    _refused("views.open", "invalid_trigger_id", lambda _: {"trigger_id": "1.2.3", "view": _modal()}),
    _refused(
        "views.open",
        "invalid_arguments",
        lambda scene: {"trigger_id": scene.trigger, "view": _modal(private_metadata="x" * 3001)},
    ),
    _refused(
        "views.open",
        "invalid_arguments",
        lambda scene: {"trigger_id": scene.trigger, "view": _modal(title=_text(25))},
    ),
    _refused(
        "views.open",
        "view_too_large",
        lambda scene: {"trigger_id": scene.trigger, "view": _modal(private_metadata="x" * 250_001)},
    ),
    _refused("views.push", "not_found", lambda scene: {"trigger_id": scene.trigger, "view": _modal()}),
    _refused("views.update", "not_found", lambda _: {"view_id": "V0000000000", "view": _modal()}),
    _refused(
        "views.publish", "not_enabled", lambda scene: {"user_id": scene.ada, "view": {"type": "home", "blocks": []}}
    ),
    _refused("apps.connections.open", "not_allowed_token_type", lambda _: {}),
    _refused("auth.test", "not_allowed_token_type", lambda _: {}, "app"),
    _refused("admin.users.list", "unknown_method", lambda _: {}),
)
