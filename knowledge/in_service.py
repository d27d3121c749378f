"""Which index answers: one row in SQL, so that changing it is one step that every process sees."""

from dataclasses import asdict, dataclass, replace
from typing import Self

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.catalogue import transaction
from knowledge.tables import index_in_service


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
        return 100 * self.done // self.total if self.total else 0

    def __str__(self) -> str:
        said = f"{self.percent}% of the passages are embedded anew for {self.to}; until then the previous index answers"
        return f"{said}, by words alone, since its model cannot be loaded" if self.is_by_words else said


@dataclass(frozen=True, slots=True, kw_only=True)
class InService:
    """The index that answers, and what its queries are embedded with: a setting's `model`, at `url` or here.

    `other` is an index that must not stay: the next one while it `is_building`, else one that was replaced.
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

    async def note_progress(self, record: InService) -> None:
        """Unless another process has put another index into service since."""
        noted = update(index_in_service).where(index_in_service.c.name == record.name)
        async with transaction(self._engine) as connection:
            await connection.execute(noted.values(done=record.done, total=record.total))

    async def put(self, record: InService) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(delete(index_in_service))
            await connection.execute(index_in_service.insert().values(asdict(record)))
