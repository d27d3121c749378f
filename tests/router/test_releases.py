from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router import tables
from router.errors import JournalUnavailable, NoEarlierRelease
from router.releases import Release, Releases


def release(name: str) -> Release:
    return Release(adapter=name, path=f"adapters/{name}", base="base", promoted_at=datetime(2026, 1, 1, tzinfo=UTC))


async def test_nothing_is_in_service_at_first(engine: AsyncEngine):
    assert await Releases(engine).in_service() is None


async def test_last_promoted_is_in_service(engine: AsyncEngine):
    releases = Releases(engine)
    for name in ("grounding@1", "grounding@2"):
        await releases.put_in_service(release(name))
    assert await releases.in_service() == release("grounding@2")


async def test_rolling_back_is_one_more_row_of_the_history(engine: AsyncEngine):
    releases = Releases(engine)
    for name in ("grounding@1", "grounding@2", "grounding@1"):
        await releases.put_in_service(release(name))
    assert await releases.in_service() == release("grounding@1")
    async with engine.connect() as connection:
        rows = (await connection.execute(select(tables.releases).order_by(tables.releases.c.number))).all()
    assert [row.adapter for row in rows] == ["grounding@1", "grounding@2", "grounding@1"]


async def test_database_without_tables_is_unavailable(tmp_path: Path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(JournalUnavailable, match="^The database is not available right now"):
        await Releases(engine).in_service()
    await engine.dispose()


async def test_policy_and_adapter_are_released_each_by_itself(engine: AsyncEngine):
    releases = Releases(engine)
    await releases.put_policy("rules@1")
    first = await releases.in_service()
    assert first is not None
    assert (first.adapter, first.policy) == ("", "rules@1")
    await releases.put_in_service(release("grounding@1"))
    await releases.put_policy("rules@2")
    last = await releases.in_service()
    assert last is not None
    assert (last.adapter, last.policy, last.promoted_at) == ("grounding@1", "rules@2", release("").promoted_at)
    assert [each.policy for each in await releases.history()] == ["rules@1", "rules@1", "rules@2"]


async def test_policy_is_rolled_back_to_what_was_before_it_first_came(engine: AsyncEngine):
    releases = Releases(engine)
    await releases.put_in_service(release("grounding@1"))
    for policy in ("rules@1", "rules@2"):
        await releases.put_policy(policy)
    await releases.put_in_service(release("grounding@2"))
    rolled = [await releases.roll_policy_back() for _ in range(2)]
    assert [(each.policy, each.adapter) for each in rolled] == [("rules@1", "grounding@2"), ("", "grounding@2")]
    with pytest.raises(NoEarlierRelease):
        await releases.roll_policy_back()


async def test_first_policy_of_all_is_rolled_back_to_the_one_that_comes_with_tandem(engine: AsyncEngine):
    releases = Releases(engine)
    with pytest.raises(NoEarlierRelease):
        await releases.roll_policy_back()
    await releases.put_policy("rules@1")
    assert (await releases.roll_policy_back()).policy == ""
    with pytest.raises(NoEarlierRelease):
        await releases.roll_policy_back()
