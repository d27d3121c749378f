"""`/ingest #channel` and `/ingest stop #channel`, answered to the administrator who wrote it."""

import re
import time
from dataclasses import dataclass
from typing import Literal

from bot.arrivals import Arrival
from bot.channel_histories import ChannelHistories
from bot.channel_rules import UNKNOWN, judge
from bot.directory import Directory
from bot.durable import Durable
from bot.errors import SlackRefused
from bot.ingest_report import readers
from bot.payloads import Json, optional, required

# Slack sends the one form where it escapes what is written, and the other where it does not.
_WRITTEN = re.compile(
    r"\s*(?P<stop>stop\s+)?(?:<#(?P<id>[A-Z0-9]{1,40})(?:\|[^<>]*)?>|#(?P<name>[^\s<>#,]{1,100}))\s*", re.IGNORECASE
)
_KINDS = "public_channel,private_channel"
_BEGUN = (
    "I take in the history of <#{channel}>, and then what is written, edited or deleted there. {readers} How far I am "
    "stands in <#{channel}>; `/ingest stop #{name}` ends it."
)
_BEING_READ = "The history of <#{channel}> is being read already. How far I am stands there."
_STOPPED = (
    "I no longer follow <#{channel}>. What was taken in stays until it is edited or deleted there; `/ingest undo` there "
    "takes it out, and so does `/ingest remove`, one by one."
)
_NOT_FOLLOWED = "I do not follow <#{channel}>, so there was nothing to stop."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRequest:
    """The channel by its id, or by its name as it was written."""

    wants: Literal["start", "stop"]
    id: str = ""
    name: str = ""


def channel_request(text: str) -> ChannelRequest | None:
    """What is wanted of a channel in what follows `/ingest`; None where it names none, or more."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    wants = "stop" if found["stop"] else "start"
    return ChannelRequest(wants=wants, id=(found["id"] or "").upper(), name=(found["name"] or "").lower())


class ChannelCommands:
    """Raises SlackError, NotStored, SQLAlchemyError."""

    def __init__(self, *, directory: Directory, histories: ChannelHistories, durable: Durable) -> None:
        self._directory = directory
        self._histories = histories
        self._durable = durable

    async def answer(self, body: Json, request: ChannelRequest) -> str:
        """Do it, or say why not. What is begun is stored before it is said, and says who will be able to read it."""
        user, team = required(body, "user_id"), required(body, "team_id")
        channel = request.id or await self._named(request.name)
        if not channel:
            return UNKNOWN
        judged = await judge(self._directory, channel=channel, user=user)
        if judged.channel is None:
            return judged.refusal
        if request.wants == "stop":
            was_followed = await self._histories.stop(channel, f"{time.time():.6f}")
            return (_STOPPED if was_followed else _NOT_FOLLOWED).format(channel=channel)
        history = await self._histories.find(channel)
        if history is not None and history.state == "reading":
            return _BEING_READ.format(channel=channel)
        await self._durable.store(
            Arrival(
                id=f"slack:{team}:{channel}:history:{required(body, 'trigger_id')}",
                kind="history",
                payload={"team": team, "channel": channel, "user": user},
            )
        )
        who = readers(judged.channel).said
        return _BEGUN.format(channel=channel, name=judged.channel.name, readers=who)

    async def _named(self, name: str) -> str:
        """Of the channels that the bot is in: it could read no other."""
        listed = self._directory.entries("users.conversations", "channels", types=_KINDS, exclude_archived=True)
        try:
            async for each in listed:
                if name and optional(each, "name").lower() == name:
                    return optional(each, "id")
        except SlackRefused as error:
            if error.code != "unknown_method":
                raise
        return ""
