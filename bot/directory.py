"""Who and what is in the workspace, asked of Slack and remembered for under a minute."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.errors import SlackRefused
from bot.paging import pages
from bot.payloads import Json, inner, objects, optional, strings
from bot.slack import Slack

# Membership that is lost must be noticed within 60 s, even when the event about it never comes.
CACHE_S = 45.0
_ENTRIES_KEPT = 5_000
_PRIVATE = "private_channel"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str
    is_member: bool
    """A full member of the bot's own workspace: no guest, no bot, not deactivated, nobody from another organisation."""
    is_admin: bool
    """Of the workspace: an administrator or owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    id: str
    name: str
    kind: str
    """public, private, group (a direct message of several) or direct."""
    is_shared_outside: bool
    is_joined: bool
    """False for a public channel that the bot is not in: it knows of it, and may neither read nor write there."""


class Directory:
    """Raises SlackRefused for what Slack does not know, SlackUnreachable or SlackUnauthorized when it can't be asked."""

    def __init__(self, slack: Slack, *, team: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`team` is the bot's own, as its token has it: an outsider's message or click may name the outsider's."""
        self._slack = slack
        self._team = team
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, object]] = {}
        self._forgotten = 0

    async def person(self, user: str) -> Person:
        return await self._remembered(("person", user), lambda: self._person(user))

    async def channel(self, channel: str) -> Channel:
        return await self._remembered(("channel", channel), lambda: self._channel(channel))

    async def private_channels_of(self, user: str) -> frozenset[str]:
        """The private channels that both the person and the bot are in."""
        return await self._remembered(("memberships", user), lambda: self._private_channels_of(user))

    async def members(self, channel: str) -> frozenset[str]:
        return await self._remembered(("members", channel), lambda: self._members(channel))

    def forget(self) -> None:
        """Something about membership changed: ask anew."""
        self._known.clear()
        self._forgotten += 1

    async def _remembered(self, key: tuple[str, str], ask: Callable[[], Awaitable[_T]]) -> _T:
        now = self._clock()
        found = self._known.get(key)
        if found is not None and found[0] > now:
            return found[1]  # pyright: ignore[reportReturnType] — the key's first word names the type
        if len(self._known) >= _ENTRIES_KEPT:
            self._known.clear()
        forgotten = self._forgotten
        answer = await ask()
        if forgotten == self._forgotten:  # else the answer may be from before the change
            # Counted from before the question was asked: what Slack says may be that old.
            self._known[key] = (now + CACHE_S, answer)
        return answer

    async def _person(self, user: str) -> Person:
        found = inner(await self._slack.read("users.info", user=user), "user")
        outside = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "is_app_user")
        return Person(
            id=user,
            name=optional(inner(found, "profile"), "display_name") or optional(found, "real_name") or "someone",
            is_member=self._team in _teams(found) and not any(found.get(mark) for mark in outside),
            is_admin=any(found.get(mark) is True for mark in ("is_admin", "is_owner", "is_primary_owner")),
        )

    async def _channel(self, channel: str) -> Channel:
        found = inner(await self._slack.read("conversations.info", channel=channel), "channel")
        return Channel(
            id=channel,
            name=optional(found, "name"),
            kind=_kind(found),
            is_shared_outside=any(
                found.get(mark)
                for mark in ("is_ext_shared", "is_pending_ext_shared", "pending_shared", "pending_connected_team_ids")
            ),
            is_joined=found.get("is_member") is not False,
        )

    async def _private_channels_of(self, user: str) -> frozenset[str]:
        try:
            found = await self._all("users.conversations", "channels", user=user, types=_PRIVATE, exclude_archived=True)
        except SlackRefused as error:
            if error.code != "unknown_method":
                raise
            return await self._private_channels_by_members(user)  # another server than Slack's own
        return frozenset(optional(each, "id") for each in found)

    async def _private_channels_by_members(self, user: str) -> frozenset[str]:
        found = await self._all("conversations.list", "channels", types=_PRIVATE, exclude_archived=True)
        ids = [optional(each, "id") for each in found if each.get("is_member")]
        members = await asyncio.gather(*(self._members(channel) for channel in ids))
        return frozenset(channel for channel, inside in zip(ids, members, strict=True) if user in inside)

    async def _members(self, channel: str) -> frozenset[str]:
        members: set[str] = set()
        async for page in pages(self._slack, "conversations.members", channel=channel):
            members.update(strings(page, "members"))
        return frozenset(members)

    async def entries(self, method: str, key: str, **arguments: str | bool) -> AsyncGenerator[Json]:
        """All that Slack lists under `key`, page by page as they are wanted."""
        async for page in pages(self._slack, method, **arguments):
            for entry in objects(page, key):
                yield entry

    async def _all(self, method: str, key: str, **arguments: str | bool) -> list[Json]:
        return [entry async for entry in self.entries(method, key, **arguments)]


def _teams(person: Json) -> set[str]:
    """In an Enterprise Grid a person may be in several workspaces, and `team_id` be one of them or missing."""
    teams = {optional(person, "team_id"), *strings(inner(person, "enterprise_user"), "teams")}
    return teams - {""}


def _kind(found: Json) -> str:
    if found.get("is_im"):
        return "direct"
    if found.get("is_mpim"):
        return "group"
    # Anything that does not say that it is open is taken as closed.
    return "public" if found.get("is_private") is False and found.get("is_channel") else "private"
