"""What happens in a workspace, step by step, and the library that goes through it."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.directory import Directory
from bot.ingest_report import readers
from bot.membership import access
from bot.slack import Slack
from knowledge.audience import PUBLIC, Audience, channel_scope
from knowledge.documents import Document, Origin, Passage
from knowledge.layout import PassageStore, readable_by
from knowledge.library import Library
from knowledge.tables import documents
from tests.bot.readers import (
    EVERYONE,
    Kind,
    Place,
    Standing,
    World,
    may_read,
    may_take_part,
    readers_of_what_is_added,
    slack_of,
)

PEOPLE = ("U1", "U2", "U3")
CHANNELS = ("C1", "C2", "C3")
PAGES = ("file:///leave.md", "file:///pay.md")
EVERY_SCOPE = Audience(scopes=frozenset({PUBLIC, *map(channel_scope, CHANNELS)}))
# More than a case has documents: what may be read is found, all of it.
LIMIT = 40
# Longer than anything about membership is remembered for.
A_MINUTE = 60.0
# Of what is overheard, nothing is drawn.
_HANDED_OVER = Origin(overheard=False)
# What a page says, by its address and its readers.
_Pages = dict[tuple[str, str], str]


class Bench:
    """The library, and a workspace beside it that says what the library should answer."""

    def __init__(self, *, library: Library, store: PassageStore, engine: AsyncEngine) -> None:
        self._library = library
        self._store = store
        self._engine = engine
        self._start(World(standing={}, places={}))

    async def play(self, world: World, steps: list["Step"]) -> None:
        await self._clear()
        self._start(world)
        for step in steps:
            await step.take(self)
        await self.all_ask_everywhere()

    async def add(self, who: str, where: str, uri: str, year: int) -> None:
        allowed = await access(self._directory, channel=where, user=who)
        assert bool(allowed.refusal) != may_take_part(self.world, who, where), (who, where)
        if allowed.refusal:
            return
        found = readers(await self._directory.channel(where))
        who_reads = readers_of_what_is_added(self.world, where)
        # No two say the same, or only one of them would be found: a channel's page may be kept for it, and for everyone.
        text = f"The page {uri} of {year} as {where} says it to {who_reads}."
        [result] = await self._library.ingest_bytes(
            text.encode(), name="page.txt", uri=uri, scope=found.scope or PUBLIC, origin=_HANDED_OVER
        )
        assert result.status != "failed", result.error
        self.world.documents[uri, who_reads] = text

    async def break_off(self, uri: str, scope: str, text: str) -> None:
        """An ingest that was killed when its chunks were written, and before they were made to answer."""
        await self._library._index.add(Document(uri=uri, title="page", text=text, scope=scope))

    async def remove(self, uri: str, who_reads: str) -> None:
        scope = PUBLIC if who_reads == EVERYONE else channel_scope(who_reads)
        known = self.world.documents.pop((uri, who_reads), None)
        assert await self._library.remove(Document(uri=uri, title="", text="", scope=scope).id) == (known is not None)

    def changed(self, *, is_told: bool) -> None:
        """Slack tells of a change at once, or the event is lost and a minute goes by."""
        if is_told:
            self._directory.forget()
        else:
            self._now += A_MINUTE

    async def all_ask_everywhere(self) -> None:
        seen: dict[Audience, tuple[_Pages, _Pages, int]] = {}
        for who, where in itertools.product(PEOPLE, (*CHANNELS, "direct")):
            where = f"D{who}" if where == "direct" else where  # noqa: PLW2901 — a direct message is the asker's own
            audience = (await access(self._directory, channel=where, user=who)).audience
            if audience not in seen:
                seen[audience] = await self._seen_by(audience)
            expected = {
                key: text for key, text in self.world.documents.items() if may_read(self.world, who, where, key[1])
            }
            found, drawn, count = seen[audience]
            assert found == expected, f"{who} in {where} finds {found}, and may read {expected}"
            assert drawn == expected, f"{who} in {where} draws {drawn}, and may read {expected}"
            assert count == len(expected), f"{who} in {where} counts {count} documents, and may read {expected}"

    async def _seen_by(self, audience: Audience) -> tuple[_Pages, _Pages, int]:
        """What is found, what is drawn to be learnt from, and how many documents are counted."""
        found = _pages(await self._library.search("What does the page say?", audience, limit=LIMIT))
        # No more than may be read: what may not be would take the place of another.
        drawn = _pages(await self._library.sample(audience, limit=max(1, len(found)), seed=len(self.world.documents)))
        return found, drawn, await self._library.count(audience)

    def _start(self, world: World) -> None:
        self.world = world
        self._now = 0.0
        slack = cast("Slack", slack_of(world))
        self._directory = Directory(slack, team="T1", clock=lambda: self._now)

    async def _clear(self) -> None:
        await self._store.adelete_nodes(filters=readable_by(EVERY_SCOPE))
        async with self._engine.begin() as connection:
            await connection.execute(delete(documents))


def _pages(passages: Sequence[Passage]) -> _Pages:
    found = {(hit.uri, EVERYONE if hit.scope == PUBLIC else hit.scope.split(":")[1]): hit.text for hit in passages}
    assert len(found) == len(passages)
    return found


class Step(Protocol):
    async def take(self, bench: Bench) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """A page is added, or replaced by what it says now."""

    who: str
    where: str
    uri: str
    year: int

    async def take(self, bench: Bench) -> None:
        where = f"D{self.who}" if self.where == "direct" else self.where
        await bench.add(self.who, where, self.uri, self.year)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakOff:
    uri: str
    scope: str
    year: int

    async def take(self, bench: Bench) -> None:
        await bench.break_off(self.uri, self.scope, f"The page {self.uri} of {self.year} as nobody says it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    uri: str
    who_reads: str

    async def take(self, bench: Bench) -> None:
        await bench.remove(self.uri, self.who_reads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Somebody joins a channel, or leaves it."""

    who: str
    where: str
    is_told: bool

    async def take(self, bench: Bench) -> None:
        bench.world.places[self.where].members ^= {self.who}
        bench.changed(is_told=self.is_told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restand:
    """Somebody becomes a guest, is deactivated, or comes back."""

    who: str
    standing: Standing
    is_told: bool

    async def take(self, bench: Bench) -> None:
        bench.world.standing[self.who] = self.standing
        bench.changed(is_told=self.is_told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A channel is made private or public, shared with another organisation, archived; the bot is put out of it."""

    where: str
    kind: Kind
    is_shared: bool
    is_archived: bool
    has_bot: bool
    is_told: bool

    async def take(self, bench: Bench) -> None:
        place = bench.world.places[self.where]
        place.kind, place.is_shared = self.kind, self.is_shared
        place.is_archived, place.has_bot = self.is_archived, self.has_bot
        bench.changed(is_told=self.is_told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Everyone asks, and so what they may read is remembered for a while."""

    async def take(self, bench: Bench) -> None:
        await bench.all_ask_everywhere()


# Weighted so that most people may do most things: what nobody may add, nobody can see too much of.
seldom = st.integers(0, 7).map(lambda number: number == 7)
mostly = seldom.map(lambda is_so: not is_so)
people, channels, pages = map(st.sampled_from, (PEOPLE, CHANNELS, PAGES))
standings = st.sampled_from(("member", "member", "member", "member", "member", "guest", "outsider", "deactivated"))
states = {
    "kind": st.sampled_from(("private", "private", "public")),
    "is_shared": seldom,
    "is_archived": seldom,
    "has_bot": mostly,
}
additions = st.builds(
    Add, who=people, where=st.sampled_from((*CHANNELS, *CHANNELS, "direct")), uri=pages, year=st.integers(2020, 2023)
)
step_kinds = st.one_of(
    additions,
    st.builds(Move, who=people, where=channels, is_told=st.booleans()),
    st.builds(Change, where=channels, is_told=st.booleans(), **cast("Any", states)),
    st.builds(Restand, who=people, standing=standings, is_told=st.booleans()),
    st.builds(Remove, uri=pages, who_reads=st.sampled_from((EVERYONE, *CHANNELS))),
    st.builds(BreakOff, uri=pages, scope=st.sampled_from(sorted(EVERY_SCOPE.scopes)), year=st.integers(2020, 2023)),
    st.just(Ask()),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    places = {
        name: Place(
            members={who for who in PEOPLE if draw(mostly)}, **{key: draw(state) for key, state in states.items()}
        )
        for name in CHANNELS
    }
    places |= {f"D{who}": Place(kind="direct", members={who}) for who in PEOPLE}
    return World(standing={who: draw(standings) for who in PEOPLE}, places=places)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Something is there before the first change."""
    return [*draw(st.lists(additions, min_size=1, max_size=4)), *draw(st.lists(step_kinds, max_size=8))]
