"""What the commands do beside printing: the composition root's own steps."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot import cli
from router import tables as router_tables
from tests.bot.fakes import parts_of
from tests.training.fakes import ServerWithAdapters
from training import tables as training_tables


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(router_tables.metadata.create_all)
        await connection.run_sync(training_tables.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("base", ["SmolLM2-135M-Instruct", "another"])
async def test_first_adapter_that_is_refused_is_a_warning_and_the_start_goes_on(engine, tmp_path, capsys, base):
    # `deaf` is what a processor whose canaries differ looks like: the adapter is loaded, and answers otherwise.
    async with ServerWithAdapters(base=base, deaf=True).running() as server:
        parts = parts_of(home=tmp_path, engine=engine, model_url=server.url)
        await cli._put_first_in_service(parts)
        assert await parts.releases.in_service() is None
        await parts.model.aclose()
    (line,) = capsys.readouterr().err.splitlines()
    assert "the base model answers" in line
