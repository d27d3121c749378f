"""The Web API methods this workspace knows: scopes, who may call them, and Slack's tier."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.workspace.api import account, assistant, chat, conversations, files, reactions, streaming, views
from bot.workspace.calls import Call
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json

Handler = Callable[[Call], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """`scopes`: one of them is needed. `tier` 0: counted elsewhere (posts) or not at all."""

    handler: Handler
    scopes: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset({"bot", "user"})
    tier: int = 3


_APP = frozenset({"app"})
_BOT = frozenset({"bot"})

METHODS: dict[str, Method] = {
    "auth.test": Method(handler=account.auth_test, tier=0),
    "apps.connections.open": Method(handler=account.open_connection, scopes=("connections:write",), kinds=_APP, tier=0),
    "users.info": Method(handler=account.users_info, scopes=("users:read",), tier=4),
    "users.list": Method(handler=account.users_list, scopes=("users:read",), tier=2),
    "chat.postMessage": Method(handler=chat.post_message, scopes=("chat:write",), tier=0),
    "chat.postEphemeral": Method(handler=chat.post_ephemeral, scopes=("chat:write",), tier=4),
    "chat.update": Method(handler=chat.update, scopes=("chat:write",)),
    "chat.delete": Method(handler=chat.delete, scopes=("chat:write",)),
    "chat.getPermalink": Method(handler=chat.get_permalink, tier=0),
    "chat.startStream": Method(handler=streaming.start_stream, scopes=("chat:write",), kinds=_BOT, tier=2),
    "chat.appendStream": Method(handler=streaming.append_stream, scopes=("chat:write",), kinds=_BOT, tier=4),
    "chat.stopStream": Method(handler=streaming.stop_stream, scopes=("chat:write",), kinds=_BOT, tier=2),
    "assistant.threads.setStatus": Method(
        handler=assistant.set_status, scopes=("assistant:write", "chat:write"), kinds=_BOT, tier=0
    ),
    "assistant.threads.setSuggestedPrompts": Method(
        handler=assistant.set_suggested_prompts, scopes=("assistant:write",), kinds=_BOT, tier=0
    ),
    "assistant.threads.setTitle": Method(handler=assistant.set_title, scopes=("assistant:write",), kinds=_BOT, tier=0),
    "conversations.list": Method(handler=conversations.list_conversations, tier=2),
    "users.conversations": Method(handler=conversations.users_conversations),
    "bots.info": Method(handler=account.bots_info, scopes=("users:read",)),
    "conversations.info": Method(handler=conversations.info),
    "conversations.members": Method(handler=conversations.members, tier=4),
    "conversations.history": Method(handler=conversations.history),
    "conversations.replies": Method(handler=conversations.replies),
    "conversations.open": Method(handler=conversations.open_conversation, scopes=("im:write",)),
    "conversations.join": Method(handler=conversations.join_conversation, scopes=("channels:join",)),
    "conversations.leave": Method(handler=conversations.leave_conversation, scopes=("channels:manage", "groups:write")),
    "conversations.archive": Method(
        handler=conversations.archive_conversation, scopes=("channels:manage", "groups:write"), tier=2
    ),
    "conversations.invite": Method(handler=conversations.invite, scopes=("channels:manage", "groups:write")),
    "conversations.kick": Method(handler=conversations.kick, scopes=("channels:manage", "groups:write")),
    "reactions.add": Method(handler=reactions.add, scopes=("reactions:write",)),
    "reactions.remove": Method(handler=reactions.remove, scopes=("reactions:write",), tier=2),
    "files.getUploadURLExternal": Method(handler=files.get_upload_url, scopes=("files:write",), tier=4),
    "files.completeUploadExternal": Method(handler=files.complete_upload, scopes=("files:write",), tier=4),
    "files.delete": Method(handler=files.delete, scopes=("files:write",), tier=3),
    "files.info": Method(handler=files.info, scopes=("files:read",), tier=4),
    "views.open": Method(handler=views.open_view, kinds=_BOT, tier=4),
    "views.push": Method(handler=views.push_view, kinds=_BOT, tier=4),
    "views.update": Method(handler=views.update_view, kinds=_BOT, tier=4),
    "views.publish": Method(handler=views.publish_view, kinds=_BOT, tier=4),
}

STREAMING = frozenset({"chat.startStream", "chat.appendStream", "chat.stopStream"})


def find_method(name: str, *, streaming_known: bool) -> Method:
    """Raise SlackError unknown_method."""
    method = METHODS.get(name)
    if method is None or (name in STREAMING and not streaming_known):
        raise SlackError("unknown_method", req_method=name)
    return method
