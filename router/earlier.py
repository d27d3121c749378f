"""The adapters that have been in service: what there is to go back to, and to keep loaded for it."""

import asyncio
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.releases import Release
from router.tables import releases
from router.transactions import transaction
from router.withdrawn import is_withdrawn


async def adapters_of(engine: AsyncEngine) -> list[Release]:
    """Each adapter once, from the last one back: the one in service first, where one is. Raises JournalUnavailable.

    Those that were withdrawn are not among them.
    """
    table = releases.c
    columns = (table.adapter, table.path, table.base, table.promoted_at)
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(*columns).order_by(table.number.desc()))).all()
    latest: dict[str, Release] = {}
    for row in rows:
        release = Release(adapter=row.adapter, path=row.path, base=row.base, promoted_at=row.promoted_at)
        if row.adapter:
            latest.setdefault(row.adapter, release)
    return await asyncio.to_thread(lambda: [each for each in latest.values() if not is_withdrawn(Path(each.path))])
