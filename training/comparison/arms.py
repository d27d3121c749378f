"""Four ways to answer the same questions: the base model, the adapter, documents, and both together."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from knowledge.audience import EVERYONE
from router import tables
from router.decisions import Route
from router.evidence import Search
from router.exchanges import Exchange
from router.journal import Journal
from router.model import ModelClient
from router.policies import Policies
from router.questions import Question
from router.releases import Release, Releases
from router.router import Router
from router.settings import RouterSettings
from training.comparison.questions import Asked
from training.tasks import failing_as_one

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    name: str
    route: Route
    is_adapted: bool


ARMS = (
    Arm(name="base", route=Route.DIRECT, is_adapted=False),
    Arm(name="fine-tuned", route=Route.DIRECT, is_adapted=True),
    Arm(name="retrieval", route=Route.RETRIEVE, is_adapted=False),
    Arm(name="both", route=Route.RETRIEVE, is_adapted=True),
)


async def answers_of(
    asked: Sequence[Asked],
    *,
    search: Search,
    model: ModelClient,
    adapter: Release,
    settings: RouterSettings,
    folder: Path,
    at_once: int,
    progress: Progress = lambda _done, _all: None,
) -> Mapping[str, list[Exchange]]:
    """By arm, an exchange for each question. The team's own router answers, and its own journal does not hear of it.

    Everyone's view is searched. `folder` is a place for what the router writes down meanwhile. Raises RouterError, and asks no more.
    """
    seats, done = asyncio.Semaphore(at_once), 0

    async def ask(router: Router, journal: Journal, arm: Arm, number: int, question: str) -> Exchange:
        nonlocal done
        exchange_id = f"compare:{arm.name}:{number}"
        posed = Question(text=question, audience=EVERYONE, asker="compare", forced_route=arm.route)
        async with seats, aclosing(router.answer(posed, exchange_id=exchange_id)) as events:
            async for _ in events:
                pass
        done += 1
        progress(done, len(ARMS) * len(asked))
        kept = await journal.exchange(exchange_id)
        assert kept is not None  # noqa: S101 — the last event says that it is journalled
        return kept

    found: dict[str, list[Exchange]] = {}
    for arm in ARMS:
        async with _router(arm, search=search, model=model, adapter=adapter, settings=settings, folder=folder) as (
            router,
            journal,
        ):
            async with failing_as_one() as tasks:
                answering = [
                    tasks.create_task(ask(router, journal, arm, number, each.question))
                    for number, each in enumerate(asked)
                ]
            found[arm.name] = [each.result() for each in answering]
    return found


@asynccontextmanager
async def _router(
    arm: Arm, *, search: Search, model: ModelClient, adapter: Release, settings: RouterSettings, folder: Path
) -> AsyncGenerator[tuple[Router, Journal]]:
    """A router of its own database, in which the adapter is in service, or nothing."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / f'{arm.name}.db'}")
    try:
        async with engine.begin() as connection:
            await connection.run_sync(tables.metadata.create_all)
        journal, releases = Journal(engine), Releases(engine)
        if arm.is_adapted:
            await releases.put_in_service(adapter)
        yield (
            Router(
                search=search,
                model=model,
                journal=journal,
                releases=releases,
                policies=Policies(folder / "policies"),
                settings=settings,
            ),
            journal,
        )
    finally:
        await engine.dispose()
