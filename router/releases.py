"""Which adapter is in service: the last row of a history that is only ever appended to."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.tables import releases
from router.transactions import transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`adapter` is its immutable name (`name@digest`) at the model server, `base` the model it was trained on."""

    adapter: str
    path: str
    base: str
    promoted_at: datetime


class Releases:
    """Every method raises JournalUnavailable when the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def in_service(self) -> Release | None:
        """None: no adapter was ever promoted, and the base model answers."""
        async with transaction(self._engine) as connection:
            last = await connection.execute(select(releases).order_by(releases.c.number.desc()).limit(1))
            row = last.first()
        return None if row is None else _release(row)

    async def put_in_service(self, release: Release) -> None:
        """Promote an adapter, or roll back to an earlier one."""
        async with transaction(self._engine) as connection:
            await connection.execute(releases.insert().values(asdict(release)))


def _release(row: Row[Any]) -> Release:
    return Release(adapter=row.adapter, path=row.path, base=row.base, promoted_at=row.promoted_at)
