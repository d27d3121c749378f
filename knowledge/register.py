"""The places that documents were taken in from, to be read again whole: folders, archives, sites, repositories."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import Audience
from knowledge.catalogue import transaction
from knowledge.documents import Origin
from knowledge.tables import places

# A place that ended the process each time it was read again is left alone until a person asks for it.
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPlace:
    """A place as it was named, read by the people of one scope; `changed`, `removed` and `failed` are of its last reading."""

    place: str
    scope: str
    whole_site: bool
    added_by: str
    added_in: str
    refreshed_at: datetime
    changed: int = 0
    removed: int = 0
    failed: int = 0


class Register:
    """Every method raises CatalogueUnavailable when the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, origin: Origin, scope: str) -> None:
        """Know the place from now on. Once taken in as a whole site, it stays one."""
        values: dict[str, Any] = {
            "place": origin.place,
            "scope": scope,
            "whole_site": origin.whole_site,
            "added_by": origin.added_by,
            "added_in": origin.added_in,
            "refreshed_at": datetime.now(UTC),
            "tries": 0,
            "readings": 0,
            "changed": 0,
            "removed": 0,
            "failed": 0,
        }
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(places).values(values).on_conflict_do_nothing()
        this = (places.c.place == origin.place) & (places.c.scope == scope)
        async with transaction(self._engine) as connection:
            await connection.execute(statement)
            if origin.whole_site:
                await connection.execute(update(places).where(this).values(whole_site=True))

    async def named(self, names: set[str], audience: Audience) -> list[KnownPlace]:
        """The places with one of these names that the audience may read."""
        readable = places.c.scope.in_(sorted(audience.scopes)) & places.c.place.in_(names)
        return await self._found(select(places).where(readable))

    async def due(self, before: datetime) -> list[KnownPlace]:
        """Those last read before then, of whatever scope, the longest ago first."""
        due = (places.c.refreshed_at < before) & (places.c.tries < _TRIES)
        return await self._found(select(places).where(due).order_by(places.c.refreshed_at))

    async def last_read(self, audience: Audience, *, limit: int) -> list[KnownPlace]:
        """The places that the audience may read and that were read again, the last one first."""
        readable = places.c.scope.in_(sorted(audience.scopes)) & (places.c.readings > 0)
        return await self._found(select(places).where(readable).order_by(places.c.refreshed_at.desc()).limit(limit))

    async def begin(self, place: KnownPlace) -> None:
        """Note that it is about to be read: a place that kills the process is not tried for ever."""
        await self._update(place, tries=places.c.tries + 1)

    async def leave(self, place: KnownPlace) -> None:
        """Its reading was broken off, by no fault of its own."""
        await self._update(place, tries=places.c.tries - 1)

    async def done(self, place: KnownPlace, *, changed: int, removed: int, failed: int) -> None:
        counts = {"changed": changed, "removed": removed, "failed": failed}
        await self._update(place, tries=0, readings=places.c.readings + 1, refreshed_at=datetime.now(UTC), **counts)

    async def _update(self, place: KnownPlace, **values: Any) -> None:
        this = (places.c.place == place.place) & (places.c.scope == place.scope)
        async with transaction(self._engine) as connection:
            await connection.execute(update(places).where(this).values(values))

    async def _found(self, query: Any) -> list[KnownPlace]:
        async with transaction(self._engine) as connection:
            return [_known(row) for row in await connection.execute(query)]


def _known(row: Row[Any]) -> KnownPlace:
    return KnownPlace(
        place=row.place,
        scope=row.scope,
        whole_site=row.whole_site,
        added_by=row.added_by,
        added_in=row.added_in,
        refreshed_at=row.refreshed_at,
        changed=row.changed,
        removed=row.removed,
        failed=row.failed,
    )
