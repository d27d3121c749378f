"""What the app asked for when it was installed: scopes, events and slash commands, as in Slack's app manifest."""

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
class Manifest:
    scopes: frozenset[str]
    events: frozenset[str]
    commands: tuple[SlashCommand, ...]


DEFAULT = Manifest(
    scopes=frozenset(
        [
            "app_mentions:read",
            "assistant:write",
            "channels:history",
            "channels:read",
            "chat:write",
            "commands",
            "files:read",
            "files:write",
            "groups:history",
            "groups:read",
            "im:history",
            "im:read",
            "im:write",
            "reactions:read",
            "reactions:write",
            "users:read",
        ]
    ),
    events=frozenset(
        [
            "app_home_opened",
            "app_mention",
            "file_shared",
            "member_joined_channel",
            "member_left_channel",
            "message.channels",
            "message.groups",
            "message.im",
            "reaction_added",
            "reaction_removed",
            "user_change",
        ]
    ),
    commands=(
        SlashCommand(command="/ingest", description="Add a page to the team's documents", usage_hint="[address]"),
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
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not an app manifest with bot scopes and bot events: {error}") from error
