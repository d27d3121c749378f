"""What Slack delivers, reduced to the work it asks for and the id under which that is done once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.payloads import Json, Malformed, inner, objects, optional, required

ArrivalKind = Literal[
    "question",
    "edit",
    "delete",
    "vote",
    "correction",
    "override",
    "retry",
    "share",
    "ingest",
    "remove",
    "undo",
    "refresh",
    "history",
    "thread",
    "leave",
    "catch_up",
    "file_gone",
    "release",
    "gave_up",
]

FEEDBACK_ACTION = "tandem_feedback"
CORRECTION_ACTION = "tandem_correct"
REDO_ACTION = "tandem_redo_with_sources"
JUST_ANSWER_ACTION = "tandem_just_answer"
WHY_ACTION = "tandem_why"
RETRY_ACTION = "tandem_retry"
SHARE_ACTION = "tandem_ingest_public"
RELEASE_ACTION = "tandem_release"
SOURCE_ACTION = "tandem_source"
CORRECTION_VIEW = "tandem_correction"
INGEST_VIEW = "tandem_ingest"
NEWER_ACTION = "tandem_documents_newer"
OLDER_ACTION = "tandem_documents_older"
ADD_SHORTCUT = "tandem_add_to_knowledge"

_KIND_OF_ACTION: dict[str, ArrivalKind] = {
    FEEDBACK_ACTION: "vote",
    REDO_ACTION: "override",
    JUST_ANSWER_ACTION: "override",
    RETRY_ACTION: "retry",
    SHARE_ACTION: "share",
    RELEASE_ACTION: "release",
}
HUMAN_SUBTYPES = frozenset({None, "file_share", "thread_broadcast", "me_message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bot is in its workspace."""

    team: str
    user: str
    bot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One piece of work. The payload is plain JSON: it is stored before Slack is acknowledged.

    `settled` is False where the bot has a part in it only if it already took in what `about` names: a reply in a
    thread, or a change of a message, that does not mention it.
    """

    id: str
    kind: ArrivalKind
    payload: dict[str, Any]
    settled: bool = True
    about: str = ""


def question_key(team: str, channel: str, ts: str) -> str:
    return f"slack:{team}:{channel}:{ts}"


def read_event(body: Mapping[str, Any], me: Identity) -> Arrival | None:
    """The work in an event callback; None where it asks nothing of the bot. Raises Malformed."""
    event = inner(body, "event")
    if not event:
        raise Malformed("event")
    team = required(body, "team_id")
    match event.get("type"):
        case "app_mention":
            return _message(event, team, me, mentioned=True)
        case "message":
            return _any_message(event, team, me)
        case _:
            return None


def _any_message(event: Json, team: str, me: Identity) -> Arrival | None:
    match event.get("subtype"):
        case "message_changed":
            return _changed(event, team, me)
        case "message_deleted":
            return _deleted(event, team, required(event, "deleted_ts"))
        case subtype if subtype in HUMAN_SUBTYPES:
            return _message(event, team, me, mentioned=mentions(optional(event, "text"), me))
        case _:
            return None


def _message(event: Json, team: str, me: Identity, *, mentioned: bool) -> Arrival | None:
    if is_from_a_bot(event, me):
        return None
    channel, ts = required(event, "channel"), required(event, "ts")
    thread_ts = optional(event, "thread_ts") or ts
    direct = event.get("channel_type") == "im" or channel.startswith("D")
    if not (mentioned or direct or thread_ts != ts):
        return None
    key = question_key(team, channel, ts)
    payload = {
        "key": key,
        "team": team,
        "channel": channel,
        "ts": ts,
        "thread_ts": thread_ts,
        "user": required(event, "user"),
        "text": storable(optional(event, "text")),
        "files": _file_ids(event),
        "version": "",
    }
    return Arrival(
        id=key,
        kind="question",
        payload=payload,
        settled=mentioned or direct,
        about="" if mentioned or direct else question_key(team, channel, thread_ts),
    )


def _changed(event: Json, team: str, me: Identity) -> Arrival | None:
    message, before = inner(event, "message"), inner(event, "previous_message")
    if message.get("subtype") == "tombstone":
        return _deleted(event, team, required(message, "ts"))
    unchanged = before.get("text") == message.get("text")
    if unchanged or "edited" not in message:  # links unfolding, reactions, replies counted
        return None
    channel = required(event, "channel")
    text = optional(message, "text")
    asked = _message({**message, "channel": channel}, team, me, mentioned=True)
    if asked is None:
        return None
    at = optional(event, "event_ts") or required(event, "ts")
    key = asked.payload["key"]
    settled = mentions(text, me) or channel.startswith("D")
    return Arrival(
        id=f"{key}:edit:{at}",
        kind="edit",
        payload={**asked.payload, "version": at},
        settled=settled,
        about="" if settled else key,
    )


def _deleted(event: Json, team: str, ts: str) -> Arrival:
    channel = required(event, "channel")
    at = optional(event, "event_ts") or required(event, "ts")
    key = question_key(team, channel, ts)
    payload = {"key": key, "team": team, "channel": channel, "ts": ts, "version": at}
    return Arrival(id=f"{key}:delete:{at}", kind="delete", payload=payload, settled=False, about=key)


def read_action(body: Mapping[str, Any]) -> Arrival | None:
    """The work in a click. Raises Malformed."""
    action = next(iter(objects(body, "actions")), None)
    if action is None:
        raise Malformed("actions")
    kind = _KIND_OF_ACTION.get(optional(action, "action_id"))
    if kind is None:
        return None
    place = _clicked_in(body)
    at = required(action, "action_ts")
    return Arrival(
        id=f"slack:{place['team']}:{place['channel']}:{kind}:{place['message_ts']}:{place['user']}:{at}",
        kind=kind,
        payload={
            **place,
            "action": optional(action, "action_id"),
            "value": optional(action, "value"),
            "version": at,
        },
    )


def _clicked_in(body: Mapping[str, Any]) -> dict[str, str]:
    message_ts = optional(inner(body, "container"), "message_ts")
    return {
        "team": required(inner(body, "team"), "id"),
        "channel": required(inner(body, "channel"), "id"),
        "user": required(inner(body, "user"), "id"),
        "message_ts": message_ts,
        "thread_ts": optional(inner(body, "message"), "thread_ts") or message_ts,
    }


def gave_up(work_id: str, kind: str, payload: dict[str, Any]) -> Arrival:
    """The work of saying that other work was given up."""
    return Arrival(id=f"{work_id}:gave-up", kind="gave_up", payload={**payload, "given_up": work_id, "kind": kind})


def storable(text: str) -> str:
    """The text without what a database can't hold: NUL characters and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def mentions(text: str, me: Identity) -> bool:
    return re.search(rf"<@{re.escape(me.user)}(\|[^>]*)?>", text) is not None


def is_from_a_bot(event: Json, me: Identity) -> bool:
    """Bots are never answered: two of them would talk for ever."""
    return bool(event.get("bot_id") or event.get("bot_profile")) or event.get("user") in {me.user, "USLACKBOT"}


def _file_ids(event: Json) -> list[str]:
    return [required(file, "id") for file in objects(event, "files")]
