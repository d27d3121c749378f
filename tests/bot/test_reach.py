"""The adapter in service at a model server that is late, restarted, or no longer finds it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.assembly import Configuration, Parts
from bot.operations import LocalOperations
from bot.reach import load_adapter_in_service, model_served, reach_operations
from bot.settings import BotSettings
from knowledge.settings import KnowledgeSettings
from router.releases import Release
from router.settings import RouterSettings
from router.tables import metadata
from tests.bot.fakes import parts_of
from tests.router.fakes import ScriptedModel

ADAPTER = "grounding@0123456789ab"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel().running() as running:
        yield running


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def parts(server: ScriptedModel, engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Parts]:
    """Parts that talk to a server elsewhere, with an adapter in service."""
    parts = parts_of(home=tmp_path, engine=engine, model_url=server.url)
    await parts.releases.put_in_service(
        Release(adapter=ADAPTER, path=f"/adapters/{ADAPTER}", base="base", promoted_at=datetime.now(UTC))
    )
    yield parts
    await parts.model.aclose()


async def _until_listed(server: ScriptedModel) -> None:
    async with asyncio.timeout(5):
        while ADAPTER not in server.names:
            await asyncio.sleep(0.01)


async def test_adapter_that_the_server_refuses_is_logged_and_nothing_ends(parts, server, caplog):
    server.mode = "refused"
    with caplog.at_level(logging.ERROR):
        await load_adapter_in_service(parts)
    assert ADAPTER in caplog.text


async def test_database_that_cannot_be_read_is_logged_and_nothing_ends(parts, engine, caplog):
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
    with caplog.at_level(logging.ERROR):
        await load_adapter_in_service(parts)
    assert "JournalUnavailable" in caplog.text


async def test_server_that_still_loads_its_model_is_waited_for(parts, server):
    server.mode = "error"
    told: list[str] = []
    opened = asyncio.Event()

    async def serve() -> None:
        async with model_served(parts, told.append, look_every_s=0.02):
            opened.set()

    serving = asyncio.create_task(serve())
    await asyncio.sleep(0.2)
    assert not opened.is_set()
    server.mode = "good"
    await asyncio.wait_for(serving, 5)
    assert ADAPTER in server.names
    assert any(server.url in line for line in told)


async def test_adapter_that_a_restarted_server_forgot_is_loaded_again(parts, server):
    async with model_served(parts, lambda _: None, look_every_s=0.02):
        await _until_listed(server)
        server.names.remove(ADAPTER)
        await _until_listed(server)


async def test_adapter_before_is_loaded_too_so_that_going_back_waits_for_nothing(parts, server):
    for name in ("team@1", "team@2", "team@3"):
        await parts.releases.put_in_service(
            Release(adapter=name, path=f"/adapters/{name}", base="base", promoted_at=datetime.now(UTC))
        )
    await load_adapter_in_service(parts)
    assert server.names == ["base", "team@3", "team@2"]


async def test_after_a_rollback_the_adapter_to_go_back_to_next_is_loaded_and_not_the_rejected_one(parts, server):
    for name, back in (("team@1", False), ("team@2", False), ("team@3", False), ("team@2", True)):
        await parts.releases.put_in_service(
            Release(
                adapter=name, path=f"/adapters/{name}", base="base", promoted_at=datetime.now(UTC), is_rollback=back
            )
        )
    await load_adapter_in_service(parts)
    assert server.names == ["base", "team@2", "team@1"]


async def test_adapter_is_loaded_once_its_folder_is_back(parts, server):
    server.mode = "refused"
    async with model_served(parts, lambda _: None, look_every_s=0.02):
        assert ADAPTER not in server.names
        server.mode = "good"
        await _until_listed(server)


async def test_a_question_from_the_command_line_does_not_wait_for_the_embedding_model(server, tmp_path):
    configuration = Configuration(
        bot=BotSettings(home=tmp_path),
        router=RouterSettings(model_url=server.url),
        knowledge=KnowledgeSettings(home=tmp_path),
    )
    async with reach_operations(configuration, needs_model=True, progress=lambda _: None) as operations:
        assert isinstance(operations, LocalOperations)
        began = time.perf_counter()
        await operations.search("leave", limit=1, audience="public")
        assert time.perf_counter() - began < 1  # loading it takes three seconds and more
