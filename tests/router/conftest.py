"""What the router's tests share: settings, a model server, a database."""

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
def settings(request: pytest.FixtureRequest) -> RouterSettings:
    """Waits that a busy machine does not outlast; short ones where a test is marked to be `hurried`."""
    hurried = request.node.get_closest_marker("hurried") is not None
    return RouterSettings(
        model_name="base",
        model_first_token_s=0.6 if hurried else 30,
        model_between_tokens_s=0.3 if hurried else 30,
        model_total_s=60,
        breaker_failures=3,
        breaker_pause_s=0.6,
        search_timeout_s=0.5 if hurried else 30,
        query_rewrite_s=0.3 if hurried else 20,
        guess_s=1.5 if hurried else 20,
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
