from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router.earlier import adapters_before, adapters_of
from router.releases import Release, Releases

_AT = datetime(2026, 1, 1, tzinfo=UTC)


async def _in_service(engine: AsyncEngine, *names: str) -> None:
    for name in names:
        await Releases(engine).put_in_service(
            Release(adapter=name, path=f"adapters/{name}", base="base", promoted_at=_AT)
        )


async def test_nothing_was_ever_in_service(engine: AsyncEngine):
    assert await adapters_of(engine) == []


async def test_adapters_are_told_once_each_from_the_last_one_back(engine: AsyncEngine):
    await _in_service(engine, "a@1", "b@2", "a@1", "c@3", "b@2")

    assert [release.adapter for release in await adapters_of(engine)] == ["b@2", "c@3", "a@1"]


async def test_release_without_an_adapter_is_nothing_to_go_back_to(engine: AsyncEngine):
    await _in_service(engine, "a@1", "", "b@2")

    assert [release.adapter for release in await adapters_of(engine)] == ["b@2", "a@1"]


@pytest.mark.parametrize(
    ("history", "before"),
    [
        ("a b c", "b a"),
        ("a b c <b", "a"),
        ("a b c <b <a", ""),
        ("a b c <b <a c", "a"),
        ("a b c <b d", "b a"),
        ("a b c <a", ""),
        ("a b c a", "c b"),
        ("a b c <b <c", "b a"),
        ("a b c - <a", ""),
        ("a b -", "b a"),
        ("a b b", "a"),
        ("- a", ""),
    ],
)
async def test_what_was_rolled_back_from_is_before_nothing_until_it_is_promoted_anew(
    engine: AsyncEngine, history: str, before: str
):
    """`<` is a rollback, `-` a release without an adapter."""
    for each in history.split():
        name = each.strip("<-")
        release = Release(
            adapter=name, path=f"adapters/{name}", base="base", promoted_at=_AT, is_rollback=each.startswith("<")
        )
        await Releases(engine).put_in_service(release)

    assert [release.adapter for release in await adapters_before(engine)] == before.split()


async def test_change_of_policy_after_a_rollback_changes_nothing_before_it(engine: AsyncEngine):
    await _in_service(engine, "a@1", "b@2", "c@3")
    await Releases(engine).put_in_service(
        Release(adapter="b@2", path="adapters/b@2", base="base", promoted_at=_AT, is_rollback=True)
    )
    await Releases(engine).put_policy("rules@1")

    assert [release.adapter for release in await adapters_before(engine)] == ["a@1"]
