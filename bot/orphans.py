"""Messages that a killed process left in a thread without an owner."""

from dataclasses import dataclass

from bot.paging import pages
from bot.payloads import Json, inner, objects, optional
from bot.slack import Slack

METADATA_EVENT = "tandem_answer"
_NEWEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an answer goes: a reply to the message `after_ts` in the thread, for one person's eyes first."""

    team: str
    channel: str
    thread_ts: str
    after_ts: str
    user: str


def metadata(work_id: str) -> Json:
    """What marks a message as made by a piece of work."""
    return {"event_type": METADATA_EVENT, "event_payload": {"work_id": work_id}}


async def orphans(slack: Slack, place: Place, *, bot_user: str, work_id: str) -> list[str]:
    """The bot's messages after the question that may be this work's, oldest first; those of others are among them.

    A message is this work's by its metadata. A stream has none before it ends: in a thread, where one question is
    answered at a time, one without metadata may be this work's too, unless somebody owns it.
    """
    messages = await _in_thread(slack, place) if place.thread_ts else await _in_channel(slack, place)
    found: list[str] = []
    for message in messages:
        marked = inner(inner(message, "metadata"), "event_payload").get("work_id")
        may_be_ours = marked == work_id or (marked is None and bool(place.thread_ts))
        if may_be_ours and optional(message, "user") == bot_user and optional(message, "ts") > place.after_ts:
            found.append(optional(message, "ts"))
    return found


async def _in_channel(slack: Slack, place: Place) -> list[Json]:
    """Only streams lack metadata, and they are always in threads: the newest messages will do."""
    page = await slack.read("conversations.history", channel=place.channel, limit=_NEWEST, include_all_metadata=True)
    return objects(page, "messages")


async def _in_thread(slack: Slack, place: Place) -> list[Json]:
    where = {"channel": place.channel, "ts": place.thread_ts, "oldest": place.after_ts or "0"}
    thread = pages(slack, "conversations.replies", **where, include_all_metadata=True)
    return [message async for page in thread for message in objects(page, "messages")]
