"""`tandem nightly`: the nights as a process of their own, once or each night, with a model server to try adapters on."""

import asyncio
import fcntl
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.apart import last_words, run_apart
from bot.assembly import Configuration, open_database
from bot.command_line import database_failed
from bot.database import durable_url
from bot.errors import BotError, NightBusy
from bot.failpoints import Failpoints
from bot.model_server import ModelServer
from bot.nights import Nights, Outcomes, Stage
from bot.schedules import last_due
from knowledge.errors import KnowledgeError
from router.errors import RouterError
from router.model import ModelClient

Say = Callable[[str], None]
MakeStages = Callable[[AsyncEngine, ModelClient], Sequence[Stage]]
NAME = "nightly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`day` is a date in UTC; None is today's."""

    day: date | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of the night of `day`; it was run now if it `is_new`, and is told once more otherwise."""

    day: date
    outcomes: Outcomes
    is_new: bool

    @property
    def has_failed(self) -> bool:
        return any("failed" in outcome for outcome in self.outcomes.values())


async def run_once(configuration: Configuration, asked: Asked, make_stages: MakeStages, say: Say) -> Ended:
    """Run a night to its end. Raises NightBusy where one is under way, and BotError with what to change."""
    today = datetime.now(UTC).date()
    day, tomorrow = asked.day or today, today + timedelta(days=1)
    if day > tomorrow:
        raise BotError(
            f"no night is run before its date: name one up to {tomorrow}, which is tomorrow in UTC, and not {day}"
        )
    async with _opened(configuration, make_stages, say) as nights:
        is_new = asked.again or not await nights.was_run(day)
        return Ended(day=day, outcomes=await nights.run(day, again=asked.again), is_new=is_new)


async def run_each_night(
    configuration: Configuration, make_stages: MakeStages, say: Say, *, is_missed: Callable[[date], bool]
) -> None:
    """Run a night whenever it is due, for ever, at first the last one if it was missed; between them nothing is held open."""
    due = last_due(datetime.now(UTC), configuration.bot.nightly_hour_utc)
    if await asyncio.to_thread(is_missed, due.date()):
        await _run_and_tell(configuration, due.date(), make_stages, say)
    while True:
        due = last_due(datetime.now(UTC), configuration.bot.nightly_hour_utc) + timedelta(days=1)
        say(f"the next night begins at {due:%Y-%m-%d %H:%M} UTC")
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
        await _run_and_tell(configuration, due.date(), make_stages, say)


async def _run_and_tell(configuration: Configuration, day: date, make_stages: MakeStages, say: Say) -> None:
    """One night's trouble, a database's that is away among it, is not the next one's."""
    try:
        night = await run_once(configuration, Asked(day=day), make_stages, say)
    except SQLAlchemyError as error:
        say(f"the night of {day} was not run: {database_failed(error)}")
    except (BotError, RouterError, KnowledgeError, OSError) as error:
        say(f"the night of {day} was not run: {error}")
    else:
        say(f"the night of {day}: {night.outcomes['report']['says']}")


async def run_in_a_process(configuration: Configuration, scheduled: datetime) -> None:
    """From the bot: the night in a process of its own, which the bot's end ends, and its next start takes up."""
    command = [sys.executable, "-m", "bot.cli", NAME, "--once", "--date", scheduled.astimezone(UTC).date().isoformat()]
    await run_apart(command, home=configuration.home, name=NAME)


async def train_in_a_process(configuration: Configuration, arguments: Sequence[str]) -> str:
    """Run `tandem train` with these arguments, and return its last words."""
    command = [sys.executable, "-m", "bot.cli", "train", *arguments]
    return last_words(await run_apart(command, home=configuration.home, name="training"))


@asynccontextmanager
async def _opened(configuration: Configuration, make_stages: MakeStages, say: Say) -> AsyncGenerator[Nights]:
    async with AsyncExitStack() as stack:
        stack.enter_context(alone(configuration))
        engine = await stack.enter_async_context(open_database(configuration))
        model = await stack.enter_async_context(model_for_a_while(configuration, say))
        nights = Nights(
            database_url=durable_url(configuration.database),
            stages=make_stages(engine, model),
            failpoints=Failpoints(name=configuration.bot.failpoint),
        )
        nights.launch()
        stack.push_async_callback(nights.close)
        yield nights


class alone:  # noqa: N801 — reads as a function in a with statement
    """One night at a time in a home: a second one would take up the first one's work beside it."""

    def __init__(self, configuration: Configuration) -> None:
        self._place = configuration.home / "run" / f"{NAME}.lock"

    def __enter__(self) -> None:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._place.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise NightBusy("a night is under way already: wait for its end") from error

    def __exit__(self, *_: object) -> None:
        self._file.close()


@asynccontextmanager
async def model_for_a_while(configuration: Configuration, say: Say) -> AsyncGenerator[ModelClient]:
    """The model server that runs; the embedded one is started for as long where none does."""
    model = ModelClient(url=configuration.model_url, settings=configuration.router.unhurried())
    try:
        if configuration.router.model_url or await model.ready():
            yield model
            return
        server = ModelServer(configuration.bot, on_ready=_nothing)
        try:
            await server.start(say)
            yield model
        finally:
            await server.stop()
    finally:
        await model.aclose()


async def _nothing() -> None:
    """A night loads the adapters that it asks by itself."""
