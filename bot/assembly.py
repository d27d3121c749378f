"""The parts that answer a question, built once from the settings and handed to whoever needs them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.database import database_url, migrate, open_engine
from bot.home import prepare_home
from bot.settings import BotSettings, load_settings
from knowledge.library import Library, open_library
from knowledge.settings import KnowledgeSettings
from router.journal import Journal
from router.model import ModelClient
from router.policies import Policies
from router.releases import Releases
from router.router import Router
from router.settings import RouterSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that the environment says."""

    bot: BotSettings
    router: RouterSettings
    knowledge: KnowledgeSettings

    @property
    def home(self) -> Path:
        return self.bot.home.absolute()

    @property
    def policies(self) -> Path:
        return self.home / "policies"

    @property
    def database(self) -> URL:
        return database_url(self.bot)

    @property
    def model_url(self) -> str:
        return self.router.model_url or f"http://127.0.0.1:{self.bot.model_port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    configuration: Configuration
    engine: AsyncEngine
    library: Library
    model: ModelClient
    journal: Journal
    releases: Releases
    policies: Policies
    router: Router


def load_configuration() -> Configuration:
    """Read the environment and `.env`. Raises SettingsError."""
    configuration = Configuration(
        bot=load_settings(BotSettings),
        router=load_settings(RouterSettings),
        knowledge=load_settings(KnowledgeSettings),
    )
    prepare_home(configuration.home)
    return configuration


@asynccontextmanager
async def open_database(configuration: Configuration) -> AsyncGenerator[AsyncEngine]:
    """The one engine, its schema up to date. Raises DatabaseError."""
    await asyncio.to_thread(migrate, configuration.database)
    engine = open_engine(configuration.database)
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_parts(configuration: Configuration) -> AsyncGenerator[Parts]:
    """Raises DatabaseError, or IndexUnavailable when another process owns the index."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_database(configuration))
        library = await open_library(configuration.knowledge, engine)
        stack.push_async_callback(library.close)
        model = ModelClient(url=configuration.model_url, settings=configuration.router)
        stack.push_async_callback(model.aclose)
        journal, releases, policies = Journal(engine), Releases(engine), Policies(configuration.policies)
        yield Parts(
            configuration=configuration,
            engine=engine,
            library=library,
            model=model,
            journal=journal,
            releases=releases,
            policies=policies,
            router=Router(
                search=library.search,
                model=model,
                policies=policies,
                journal=journal,
                releases=releases,
                settings=configuration.router,
                embedding=library,
            ),
        )
