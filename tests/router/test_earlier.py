from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from router.earlier import adapters_of
from router.releases import Release, Releases


async def _in_service(engine: AsyncEngine, *names: str) -> None:
    for name in names:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        await Releases(engine).put_in_service(
            Release(adapter=name, path=f"adapters/{name}", base="base", promoted_at=at)
        )


async def test_nothing_was_ever_in_service(engine: AsyncEngine):
    assert await adapters_of(engine) == []


async def test_adapters_are_told_once_each_from_the_last_one_back(engine: AsyncEngine):
    await _in_service(engine, "a@1", "b@2", "a@1", "c@3", "b@2")

    assert [release.adapter for release in await adapters_of(engine)] == ["b@2", "c@3", "a@1"]


async def test_release_without_an_adapter_is_nothing_to_go_back_to(engine: AsyncEngine):
    await _in_service(engine, "a@1", "", "b@2")

    assert [release.adapter for release in await adapters_of(engine)] == ["b@2", "a@1"]
