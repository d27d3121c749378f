"""A small workspace that changes, the rule of who may read in it, and a Slack that tells of it.

The rule is written from the design and shares nothing with the code under test.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from bot.errors import SlackRefused
from tests.bot import fakes

Standing = Literal["member", "guest", "outsider", "deactivated"]
Kind = Literal["public", "private", "direct"]
EVERYONE = "everyone"
# What Slack says of a person besides what it says of a member.
_MARKS: dict[Standing, dict[str, Any]] = {
    "member": {},
    "guest": {"is_restricted": True},
    "outsider": {"team_id": "T9"},
    "deactivated": {"deleted": True},
}


@dataclass(slots=True, kw_only=True)
class Place:
    kind: Kind
    members: set[str]
    is_shared: bool = False
    is_archived: bool = False
    has_bot: bool = True


@dataclass(slots=True, kw_only=True)
class World:
    """`documents` holds what each says now, by its address and its readers: EVERYONE or one place."""

    standing: dict[str, Standing]
    places: dict[str, Place]
    documents: dict[tuple[str, str], str] = field(default_factory=dict)


def may_take_part(world: World, who: str, where: str) -> bool:
    """Full members alone, nowhere that others share, and in a closed place those alone who are in it, with the bot."""
    place = world.places[where]
    if world.standing[who] != "member" or place.is_shared:
        return False
    return place.kind == "public" or (place.has_bot and who in place.members)


def may_read(world: World, who: str, where: str, readers: str) -> bool:
    """A public channel sees public documents, a private one its own besides, a direct message what the asker may see."""
    if not may_take_part(world, who, where):
        return False
    if readers == EVERYONE:
        return True
    place, owner = world.places[where], world.places[readers]
    if place.kind == "direct":
        return owner.kind == "private" and owner.has_bot and who in owner.members and not owner.is_archived
    return place.kind == "private" and where == readers


def readers_of_what_is_added(world: World, where: str) -> str:
    """In a direct message it is added for everyone, or not at all."""
    return where if world.places[where].kind == "private" else EVERYONE


def slack_of(world: World) -> fakes.FakeSlack:
    """Slack as it would answer the bot about this world, now."""

    def user_info(user: str) -> dict[str, Any]:
        return fakes.person(id=user, **_MARKS[world.standing[user]])

    def channel_info(channel: str) -> dict[str, Any]:
        place = world.places[channel]
        if place.kind != "public" and not place.has_bot:
            raise SlackRefused("conversations.info", "channel_not_found")
        return fakes.channel(place.kind, id=channel, is_ext_shared=place.is_shared, is_archived=place.is_archived)

    def members(channel: str, **_: Any) -> dict[str, Any]:
        channel_info(channel)
        return {"members": sorted(world.places[channel].members)}

    def channels_of(user: str, types: str, exclude_archived: bool, **_: Any) -> dict[str, Any]:
        found = [
            {"id": name}
            for name, place in world.places.items()
            if f"{place.kind}_channel" in types.split(",") and place.has_bot and user in place.members
            if not (exclude_archived and place.is_archived)
        ]
        return {"channels": found}

    return fakes.FakeSlack(
        users__info=user_info,
        users__conversations=channels_of,
        conversations__info=channel_info,
        conversations__members=members,
    )
