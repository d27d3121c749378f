"""Which index answers: one row in SQL, so that changing it is one step that every process sees."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.catalogue import transaction
from knowledge.tables import index_in_service

_TOUCHED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexChange:
    """An index that is being built with another embedding model, while the one in service answers.

    `is_by_words`: the model of the one in service cannot be loaded, so that it is searched by words alone.
    """

    to: str
    done: int
    total: int
    is_by_words: bool

    @property
    def percent(self) -> int:
        return 100 * max(0, self.done) // self.total if self.total else 0

    def __str__(self) -> str:
        said = f"{self.percent}% of the passages are embedded anew for {self.to}; until then the previous index answers"
        return f"{said}, by words alone, since its model cannot be loaded" if self.is_by_words else said


@dataclass(frozen=True, slots=True, kw_only=True)
class InService:
    """The index that answers, and what its queries are embedded with: a setting's `model`, at `url` or here.

    `other` is the next one while it `is_building`, else one that was replaced and must not stay. `done` is _TOUCHED
    after a process that knows nothing of the next one has written into the one that answers.
    """

    name: str
    model: str
    url: str
    other: str = ""
    is_building: bool = False
    is_by_words: bool = False
    done: int = 0
    total: int = 0

    @property
    def change(self) -> IndexChange | None:
        if not self.is_building:
            return None
        return IndexChange(to=self.other, done=self.done, total=self.total, is_by_words=self.is_by_words)

    def after(self, wanted: "InService") -> Self:
        """The other in service, and this one left to be removed."""
        return replace(self, **asdict(wanted) | {"other": self.name})


class ServiceRecord:
    """Every method raises CatalogueUnavailable when the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self) -> InService | None:
        """None: no index was ever opened."""
        async with transaction(self._engine) as connection:
            row = (await connection.execute(select(index_in_service))).mappings().first()
        return None if row is None else InService(**dict(row))

    async def begin(self, record: InService) -> None:
        """Put the first index into service, unless another process just did."""
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        async with transaction(self._engine) as connection:
            await connection.execute(
                dialect.insert(index_in_service).values(asdict(record)).on_conflict_do_nothing(index_elements=["name"])
            )

    async def note_progress(self, before: InService, now: InService) -> bool:
        """False where the record is no longer as it was `before`: somebody wrote, or changed what is built."""
        done = index_in_service.c.done == before.done
        return await self._update(_same(before) & done, {"done": now.done, "total": now.total})

    async def touch(self) -> None:
        """Tell who builds the next index that something was written into this one alone."""
        await self._update(index_in_service.c.is_building, {"done": _TOUCHED})

    async def swap(self, before: InService, now: InService, *, untouched: bool = False) -> bool:
        """Replace the record where it still names the same indexes; `untouched`, only if nobody wrote since either."""
        unchanged = _same(before)
        if untouched:
            unchanged &= index_in_service.c.done == before.done
        return await self._update(unchanged, asdict(now))

    async def put(self, record: InService) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(delete(index_in_service))
            await connection.execute(index_in_service.insert().values(asdict(record)))

    async def _update(self, where: ColumnElement[bool], values: dict[str, Any]) -> bool:
        async with transaction(self._engine) as connection:
            return (await connection.execute(update(index_in_service).where(where).values(values))).rowcount > 0


def _same(record: InService) -> ColumnElement[bool]:
    columns = index_in_service.c
    return (columns.name == record.name) & (columns.other == record.other) & (columns.is_building == record.is_building)
