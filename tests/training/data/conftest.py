from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import router.tables
import training.tables


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        for tables in (router.tables, training.tables):
            await connection.run_sync(tables.metadata.create_all)
    yield engine
    await engine.dispose()
