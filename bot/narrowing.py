"""Which channels a person may mean by in:#channel."""

import re
from collections.abc import Collection

from bot.directory import Channel, Directory
from bot.errors import SlackError
from bot.payloads import optional
from knowledge.audience import PUBLIC, Audience

_TYPED = re.compile(r"(?<!\S)in:#", re.IGNORECASE)
_REFERRED = re.compile(r"(?<!\S)in:<#([A-Z0-9]{1,40})(?:\|[^<>|]*)?>", re.IGNORECASE)
_CHANNEL = "channel:"


async def channel_names(text: str, audience: Audience, directory: Directory) -> dict[str, str]:
    """The ids of the channels whose documents may be searched, by name in lower case; empty where none is asked for.

    `text` is Slack's own. They are the private channels that the audience may read, and public ones: those that the
    text refers to, and all of them where a name was typed, since only a list of all tells its id.
    """
    referred = set(_REFERRED.findall(text))
    is_typed = _TYPED.search(text) is not None
    if not referred and not is_typed:
        return {}
    names = await _public(directory) if is_typed else {}
    private = {scope.removeprefix(_CHANNEL) for scope in audience.scopes - {PUBLIC}}
    readable = [
        each for each in await _known(referred | private, directory) if each.kind == "public" or each.id in private
    ]
    return names | {each.name.lower(): each.id for each in readable if each.name}


async def _known(channels: Collection[str], directory: Directory) -> list[Channel]:
    found: list[Channel] = []
    for channel in sorted(channels):
        try:
            found.append(await directory.channel(channel))
        except SlackError:
            continue  # what Slack does not tell of cannot be meant
    return found


async def _public(directory: Directory) -> dict[str, str]:
    try:
        listed = directory.entries("conversations.list", "channels", types="public_channel", exclude_archived=True)
        return {optional(each, "name").lower(): optional(each, "id") async for each in listed}
    except SlackError:
        return {}
