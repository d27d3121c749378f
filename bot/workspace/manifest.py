"""What the app asked for when it was installed: scopes, events, commands and shortcuts, as in Slack's app manifest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class SlashCommand:
    command: str
    description: str = ""
    usage_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShortcut:
    """An entry in the menu of every message."""

    name: str
    callback_id: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    scopes: frozenset[str]
    events: frozenset[str]
    commands: tuple[SlashCommand, ...]
    shortcuts: tuple[MessageShortcut, ...] = ()
    home_tab: bool = False


# What deploy/slack-manifest.yaml asks for; a test holds the two together.
DEFAULT = Manifest(
    scopes=frozenset(
        {
            "app_mentions:read",
            "assistant:write",
            "channels:history",
            "channels:read",
            "chat:write",
            "commands",
            "files:read",
            "groups:history",
            "groups:read",
            "im:history",
            "im:read",
            "im:write",
            "users:read",
        }
    ),
    events=frozenset(
        {
            "app_home_opened",
            "app_mention",
            "channel_archive",
            "channel_deleted",
            "channel_left",
            "channel_shared",
            "channel_unshared",
            "file_deleted",
            "group_archive",
            "group_deleted",
            "group_left",
            "member_joined_channel",
            "member_left_channel",
            "message.channels",
            "message.groups",
            "message.im",
            "user_change",
        }
    ),
    commands=(
        SlashCommand(
            command="/ingest",
            description="Add documents to what Tandem knows, list them, take them out",
            usage_hint="[address of a page] | [#channel] | list | status | preview | remove | undo | refresh | help",
        ),
    ),
    shortcuts=(
        MessageShortcut(
            name="Add to knowledge",
            callback_id="tandem_add_to_knowledge",
            description="Add this message, with its files and links, to what Tandem knows",
        ),
    ),
)


def read_manifest(path: Path) -> Manifest:
    """Read Slack's own manifest, YAML or JSON. Raises ValueError with a sentence where it is none."""
    try:
        document: Any = yaml.safe_load(path.read_text())
        features: dict[str, Any] = document.get("features", {})
        return Manifest(
            scopes=frozenset(document["oauth_config"]["scopes"]["bot"]),
            events=frozenset(document["settings"]["event_subscriptions"]["bot_events"]),
            commands=tuple(
                SlashCommand(
                    command=entry["command"],
                    description=entry.get("description", ""),
                    usage_hint=entry.get("usage_hint", ""),
                )
                for entry in features.get("slash_commands", [])
            ),
            shortcuts=tuple(
                MessageShortcut(
                    name=entry["name"], callback_id=entry["callback_id"], description=entry.get("description", "")
                )
                for entry in features.get("shortcuts", [])
                if entry["type"] == "message"
            ),
            home_tab=bool(features.get("app_home", {}).get("home_tab_enabled")),
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not an app manifest with bot scopes and bot events: {error}") from error
