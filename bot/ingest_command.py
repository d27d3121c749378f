"""What is asked with `/ingest …`, and with the shortcut in a message's menu."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.arrivals import Arrival, ArrivalKind
from bot.ingest_form import addresses, command_word, read_comment
from bot.payloads import inner, optional, required
from bot.rendering import escape

# What changes documents is stored before it is done; what only shows something is shown at once.
_STORED: dict[str, ArrivalKind] = {"remove": "remove", "undo": "undo", "refresh": "refresh"}
_ALONE = frozenset({"undo"})
_NOT_UNDERSTOOD = "I do not understand “{said}”: an address begins with `https://`, a channel with `#`.\n"
_SAID_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`name` is list, status, preview, remove, undo, refresh, stop or help, and empty where documents are handed over."""

    name: str
    argument: str


def spoken(text: str) -> Command:
    """The command in what follows `/ingest`; an address is taken out of the form that Slack sends."""
    name = command_word(text)
    rest = text.strip()[len(name) :].strip()
    found = addresses(rest)
    return Command(name=name, argument=found[0] if found else rest.removeprefix("#"))


def not_understood(command: Command) -> str:
    """What is said of words that are none of the commands, before the help."""
    return _NOT_UNDERSTOOD.format(said=escape(command.argument[:_SAID_CHARS]))


def read_command(body: Mapping[str, Any]) -> Arrival | None:
    """The work in `/ingest …`: None where it is shown at once, or a form is opened. Raises Malformed."""
    text = optional(body, "text")
    command = spoken(text)
    team, channel = required(body, "team_id"), required(body, "channel_id")
    place = {"team": team, "channel": channel, "user": required(body, "user_id")}
    work_id = f"slack:{team}:{channel}:command:{required(body, 'trigger_id')}"
    # Who names a document to `undo` means that one, and would lose all that was added with it.
    if command.name in _STORED and bool(command.argument) != (command.name in _ALONE):
        payload = {**place, "reference": command.argument}
        return Arrival(id=work_id, kind=_STORED[command.name], payload=payload)
    # Slack sends what follows `/ingest` alone.
    handed_over = read_comment(f"/ingest {text}")
    if not handed_over["urls"]:
        return None
    return Arrival(id=work_id, kind="ingest", payload={**place, **handed_over})


def read_shortcut(body: Mapping[str, Any]) -> Arrival:
    """The work in “Add to knowledge”: what the message says is read when the work is done. Raises Malformed."""
    team = required(inner(body, "team"), "id")
    channel = required(inner(body, "channel"), "id")
    user = required(inner(body, "user"), "id")
    message = inner(body, "message")
    ts = required(message, "ts")
    thread_ts = optional(message, "thread_ts") or ts
    return Arrival(
        id=f"slack:{team}:{channel}:shortcut:{ts}:{user}:{required(body, 'action_ts')}",
        kind="ingest",
        payload={
            "team": team,
            "channel": channel,
            "user": user,
            "thread_ts": thread_ts,
            "after_ts": ts,
            "shared": {"ts": ts, "thread_ts": thread_ts},
        },
    )
