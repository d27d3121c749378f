"""The Slack manifest asks for what the bot uses, and for nothing more."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import doctor
from bot.arrivals import ADD_SHORTCUT

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deploy" / "slack-manifest.yaml").read_text(encoding="utf-8")
MANIFEST: dict[str, Any] = yaml.safe_load(TEXT)
SCOPES = frozenset[str](MANIFEST["oauth_config"]["scopes"]["bot"])
EVENTS = frozenset[str](MANIFEST["settings"]["event_subscriptions"]["bot_events"])

_READ = {"channels:read", "groups:read", "im:read"}
_HISTORY = {"channels:history", "groups:history", "im:history"}

# From each method's page in Slack's reference: the scopes of a bot token, for the kinds of conversation that the bot is in.
METHOD_SCOPES: dict[str, set[str]] = {
    "apps.connections.open": set(),  # an app-level token's own scope, connections:write
    "assistant.threads.setStatus": {"assistant:write"},
    "assistant.threads.setSuggestedPrompts": {"assistant:write"},
    "auth.test": set(),
    "bots.info": {"users:read"},
    "chat.appendStream": {"chat:write"},
    "chat.delete": {"chat:write"},
    "chat.getPermalink": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.startStream": {"chat:write"},
    "chat.stopStream": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": _HISTORY,
    "conversations.info": _READ,
    "conversations.list": {"channels:read", "groups:read"},
    "conversations.members": _READ,
    "conversations.open": {"im:write"},
    "conversations.replies": _HISTORY,
    "files.info": {"files:read"},
    "users.conversations": _READ,
    "users.info": {"users:read"},
    "users.list": {"users:read"},
    "views.open": set(),
    "views.update": set(),
}
EVENT_SCOPES: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "channel_archive": {"channels:read"},
    "channel_deleted": {"channels:read"},
    "channel_left": {"channels:read"},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "file_deleted": {"files:read"},
    "group_archive": {"groups:read"},
    "group_deleted": {"groups:read"},
    "group_left": {"groups:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "user_change": {"users:read"},
}
# Asked for by features of the manifest itself.
FEATURE_SCOPES: dict[str, set[str]] = {
    "slash_commands": {"commands"},
    "shortcuts": {"commands"},
    "agent_view": {"assistant:write"},
}


def test_no_scope_is_missing_for_a_method_that_the_bot_calls():
    called = set(methods_called())
    assert called, "no method is called: is this test looking in the right place?"
    assert called <= METHOD_SCOPES.keys(), "a new method: add its scopes from Slack's reference here"
    assert set().union(*(METHOD_SCOPES[method] for method in called)) <= SCOPES


def test_no_scope_is_missing_for_an_event_or_a_feature():
    assert EVENT_SCOPES.keys() >= EVENTS
    for scopes in (*(EVENT_SCOPES[event] for event in EVENTS), *(FEATURE_SCOPES[name] for name in features())):
        assert scopes <= SCOPES


def test_no_scope_is_asked_for_that_nothing_uses():
    used = [METHOD_SCOPES[method] for method in methods_called()]
    used += [EVENT_SCOPES[event] for event in EVENTS] + [FEATURE_SCOPES[name] for name in features()]
    assert set().union(*used) == SCOPES


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_every_scope_has_its_reason_above_it(scope: str):
    lines = [line.strip() for line in TEXT.splitlines()]
    assert lines[lines.index(f"- {scope}") - 1].startswith("# ")


def test_doctor_looks_for_the_scopes_of_the_manifest():
    assert doctor.SCOPES == SCOPES


def test_the_command_that_the_bot_answers_is_offered():
    commands = [command["command"] for command in MANIFEST["features"]["slash_commands"]]
    assert commands == ["/ingest"]


def test_shortcut_that_the_bot_answers_is_in_the_menu_of_a_message():
    (shortcut,) = MANIFEST["features"]["shortcuts"]
    assert (shortcut["type"], shortcut["callback_id"]) == ("message", ADD_SHORTCUT)
    assert len(shortcut["name"]) <= 24


def test_socket_mode_is_the_default_and_clicks_arrive():
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True


def test_texts_keep_slacks_limits():
    shown = MANIFEST["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 174 <= len(shown["long_description"]) <= 4000
    assert re.fullmatch("#[0-9a-f]{6}", shown["background_color"])


def features() -> list[str]:
    return [name for name in FEATURE_SCOPES if name in MANIFEST["features"]]


def methods_called() -> Iterator[str]:
    """Slack's methods as the bot names them in its source; the local workspace answers methods and calls none."""
    family = re.compile(r"(apps|assistant|auth|bots|chat|conversations|files|reactions|team|users|views)(\.[a-zA-Z]+)+")
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if "workspace" not in path.relative_to(ROOT).parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and family.fullmatch(node.value):
                    yield node.value
