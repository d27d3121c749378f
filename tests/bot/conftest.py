import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import bot.tables
import knowledge.tables
import router.tables
import training.tables
from bot import logs
from tests.bot.office import Office, open_office


@pytest.fixture
def levels() -> Iterator[None]:
    """Put all loggers' levels back after the test."""
    kept = {name: logging.getLogger(name).level for name in ("", *logs.OWN, *logs.VENDORS, "httpx")}
    yield
    for name, level in kept.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Over all tables, empty."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        for tables in (bot.tables, knowledge.tables, router.tables, training.tables):
            await connection.run_sync(tables.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def office(tmp_path: Path, engine: AsyncEngine) -> AsyncIterator[Office]:
    async with open_office(tmp_path, engine) as office:
        yield office


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own, read from a clean environment; what a command sets for its process is set back."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "TANDEM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    mask = os.umask(0o022)
    yield tmp_path / "home"
    os.umask(mask)
