"""Who may have a channel's history taken in: opt-in, by an administrator, in a channel that the bot is in."""

from dataclasses import dataclass

from bot.directory import Channel, Directory
from bot.errors import SlackRefused

UNKNOWN = (
    "I know no such channel that you and I are both in. Invite me to it with `/invite @tandem`, and write its name "
    "like `/ingest #channel`."
)
_NOT_ADMIN = "Only an administrator of this workspace may have a channel's history taken in. Please ask one."
_DIRECT = "Direct messages are never taken in. I take in channels: `/ingest #channel`."
_SHARED = "This channel is shared with another organisation, and what is said there is never taken in."
_NOT_IN = "I am not in <#{channel}>. Invite me to it with `/invite @tandem`, and ask again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The channel concerned, or in `refusal` why this person may not have it taken in."""

    channel: Channel | None = None
    refusal: str = ""


async def judge(directory: Directory, *, channel: str, user: str) -> Judged:
    """Judged by the channel that is to be taken in, wherever it is asked. Raises SlackUnreachable, SlackUnauthorized."""
    try:
        person = await directory.person(user)
        if not (person.is_member and person.is_admin):
            return Judged(refusal=_NOT_ADMIN)
        found = await directory.channel(channel)
        is_inside = found.kind != "private" or user in await directory.members(channel)
    except SlackRefused:
        return Judged(refusal=UNKNOWN)
    refusal = _refusal(found, is_inside=is_inside)
    return Judged(refusal=refusal) if refusal else Judged(channel=found)


def _refusal(channel: Channel, *, is_inside: bool) -> str:
    if channel.kind not in {"public", "private"}:
        return _DIRECT
    # The same for a private channel of others as for one that is none: its name is not given away.
    if not is_inside:
        return UNKNOWN
    if channel.is_shared_outside:
        return _SHARED
    return "" if channel.is_joined else _NOT_IN.format(channel=channel.id)
