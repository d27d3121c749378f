"""What happens in channels, reduced to what it changes in the documents that come from there."""

from collections.abc import Mapping
from typing import Any

from bot.arrivals import HUMAN_SUBTYPES, Arrival, Identity, is_from_a_bot, mentions
from bot.payloads import Json, inner, objects, optional, required
from bot.slack_threads import is_attached

_DELETED = frozenset({"channel_deleted", "group_deleted"})
# After these the bot can't follow it any more, or must not.
_LEFT = frozenset({"channel_archive", "group_archive", "channel_left", "group_left", "channel_shared"})


def read_change(body: Mapping[str, Any], me: Identity) -> Arrival | None:
    """The work in an event that may change documents; None for what changes none. Raises Malformed."""
    event = inner(body, "event") if body.get("type") == "event_callback" else {}
    match optional(event, "type"):
        case "file_deleted":
            return _file_gone(event, required(body, "team_id"))
        case "message":
            return _message(event, required(body, "team_id"), me)
        case "member_left_channel" if event.get("user") == me.user:
            return _left(event, required(body, "team_id"))
        case kind if kind in _DELETED or kind in _LEFT:
            return _left(event, required(body, "team_id"))
        case _:
            return None


def _message(event: Json, team: str, me: Identity) -> Arrival | None:
    match event.get("subtype"):
        case "message_changed":
            message, before = inner(event, "message"), inner(event, "previous_message")
            is_gone = message.get("subtype") == "tombstone"
            # Links unfold, replies are counted, reactions come: none of it is an edit.
            is_edited = "edited" in message and before.get("text") != message.get("text")
            is_changed = is_edited or _files(message) != _files(before)
            if (is_gone and not is_from_a_bot(before, me)) or (is_changed and not is_from_a_bot(message, me)):
                return _thread(event, team, message, is_new=False)
        case "message_deleted":
            before = inner(event, "previous_message")
            if not is_from_a_bot(before, me):
                return _thread(event, team, {**before, "ts": required(event, "deleted_ts")}, is_new=False)
        case subtype if subtype in HUMAN_SUBTYPES:
            is_direct = event.get("channel_type") in {"im", "mpim"} or optional(event, "channel").startswith("D")
            if not is_direct and not is_from_a_bot(event, me) and not mentions(optional(event, "text"), me):
                return _thread(event, team, event, is_new=True)
        case _:
            pass
    return None


def _thread(event: Json, team: str, message: Json, *, is_new: bool) -> Arrival:
    """Nothing of what it says is stored: it is read when the work is done."""
    channel, ts = required(event, "channel"), required(message, "ts")
    at = optional(event, "event_ts") or required(event, "ts")
    return Arrival(
        id=f"slack:{team}:{channel}:{ts}:thread:{at}",
        kind="thread",
        payload={
            "team": team,
            "channel": channel,
            "ts": ts,
            "thread_ts": optional(message, "thread_ts") or ts,
            "is_new": is_new,
        },
        settled=False,
    )


def _files(message: Json) -> set[str]:
    return {optional(file, "id") for file in objects(message, "files") if is_attached(file)}


def _file_gone(event: Json, team: str) -> Arrival:
    """In whatever channel it was shared, and also where somebody handed it over."""
    file_id = required(event, "file_id")
    return Arrival(
        id=f"slack:{team}:file:{file_id}:deleted",
        kind="file_gone",
        payload={"team": team, "file": file_id},
        settled=False,
    )


def _left(event: Json, team: str) -> Arrival:
    kind, channel, at = required(event, "type"), required(event, "channel"), required(event, "event_ts")
    return Arrival(
        id=f"slack:{team}:{channel}:{kind}:{at}",
        kind="leave",
        payload={"team": team, "channel": channel, "at": at, "is_deleted": kind in _DELETED},
        settled=False,
    )
