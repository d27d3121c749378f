"""The adapters that have been in service: what there is to go back to, and to keep loaded for it."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.releases import Release
from router.tables import releases
from router.transactions import transaction


async def adapters_of(engine: AsyncEngine) -> list[Release]:
    """Each adapter once, the one in service first, then the others from the last one back. Raises JournalUnavailable."""
    table = releases.c
    columns = (table.adapter, table.path, table.base, table.promoted_at)
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(*columns).order_by(table.number.desc()))).all()
    latest: dict[str, Release] = {}
    for row in rows:
        release = Release(adapter=row.adapter, path=row.path, base=row.base, promoted_at=row.promoted_at)
        if row.adapter:
            latest.setdefault(row.adapter, release)
    return list(latest.values())
