"""Who will see an answer, and so what may be searched for it."""

from dataclasses import dataclass

from bot.directory import Directory
from bot.errors import SlackError
from knowledge.audience import EVERYONE, NOBODY, PUBLIC, Audience, channel_scope

_GUEST = "I answer members of this workspace only. Please ask one of them."
_SHARED = "This channel is shared with another organisation, and I don't answer there. Please ask me in a channel of your own."
_NOT_INSIDE = "You are not in this channel, so you may not see or change what is known here."
_UNKNOWN = "I could not find out who may read here, so I searched nothing. Please try again in a minute."


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whom the answer may be made for. Where the audience is nobody, `refusal` says why, for the thread."""

    audience: Audience
    refusal: str = ""


async def access(directory: Directory, *, channel: str, user: str) -> Access:
    """What all who will see an answer in `channel` to `user` may read, by membership as it is now. Unknown means no."""
    try:
        if not (await directory.person(user)).is_member:
            return Access(audience=NOBODY, refusal=_GUEST)
        kind = (await directory.channel(channel)).kind
        if kind == "direct":
            scopes = {channel_scope(own) for own in await directory.private_channels_of(user)}
            return Access(audience=Audience(scopes=frozenset({PUBLIC, *scopes})))
        # Slack takes a message or a click from members alone, but its work may be done when they have left.
        if kind != "public" and user not in await directory.members(channel):
            return Access(audience=NOBODY, refusal=_NOT_INSIDE)
    except SlackError:
        return Access(audience=NOBODY, refusal=_UNKNOWN)
    return await channel_access(directory, channel)


async def channel_access(directory: Directory, channel: str) -> Access:
    """What all who are in `channel` may read, whoever asks there."""
    try:
        place = await directory.channel(channel)
    except SlackError:
        return Access(audience=NOBODY, refusal=_UNKNOWN)
    if place.is_shared_outside:
        return Access(audience=NOBODY, refusal=_SHARED)
    if place.kind == "public":
        return Access(audience=EVERYONE)
    return Access(audience=Audience(scopes=frozenset({PUBLIC, channel_scope(channel)})))
