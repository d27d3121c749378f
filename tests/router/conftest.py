"""What the router's tests share: settings that wait for nothing, a model server, a database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router.model import ModelClient
from router.policies import Policies
from router.settings import RouterSettings
from router.tables import metadata
from tests.router.fakes import ScriptedModel


@pytest.fixture
def settings() -> RouterSettings:
    return RouterSettings(
        model_name="base",
        model_first_token_s=0.6,
        model_between_tokens_s=0.3,
        model_total_s=3,
        breaker_failures=3,
        breaker_pause_s=0.2,
        search_timeout_s=0.5,
    )


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel().running() as running:
        yield running


@pytest.fixture
async def model(server: ScriptedModel, settings: RouterSettings) -> AsyncIterator[ModelClient]:
    client = ModelClient(url=server.url, settings=settings)
    yield client
    await client.aclose()


@pytest.fixture
def policies(tmp_path: Path) -> Policies:
    return Policies(tmp_path / "policies")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def sqlite_engine(tmp_path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'router.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()
