"""`tandem run`: everything started in order, served until a signal, ended in reverse order."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from pathlib import Path

import httpx
from sqlalchemy import text

from bot import control, health, night_command, processes
from bot.apart import end_apart
from bot.assembly import Configuration, Parts, open_parts
from bot.control import RemoteOperations
from bot.database import durable_url
from bot.errors import BotError
from bot.ingests import Ingests
from bot.operations import LocalOperations
from bot.ports import refuse_taken
from bot.quarantine import Quarantine
from bot.reach import model_served
from bot.schedules import Job
from bot.service import Bot, SlackSettings, open_bot
from bot.tokens import read_tokens, workspace_home
from bot.views import who_sees
from knowledge.audience import EVERYONE, PUBLIC
from knowledge.errors import KnowledgeError

_log = logging.getLogger(__name__)
_WORKSPACE_TIMEOUT_S = 30.0
_BUILD_AGAIN_S = 30

Say = Callable[[str], None]
FirstAdapter = Callable[[Parts], Awaitable[None]]
PutIntoService = Callable[[Parts, str], Awaitable[None]]


async def serve(
    configuration: Configuration, *, first_adapter: FirstAdapter, put_into_service: PutIntoService, say: Say
) -> None:
    """Serve until SIGINT or SIGTERM. Raises BotError or KnowledgeError with what to change when it can't start."""
    serving = asyncio.create_task(_serve(configuration, first_adapter, put_into_service, say))
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        say("stopped")


async def _serve(
    configuration: Configuration, first_adapter: FirstAdapter, put_into_service: PutIntoService, say: Say
) -> None:
    if await RemoteOperations(configuration.home).reachable():
        raise BotError(f"Tandem already runs in {configuration.home}: stop it, or set TANDEM_HOME to another folder")
    settings = configuration.bot
    await refuse_taken(settings.health_port, "TANDEM_HEALTH_PORT")
    if settings.slack_port is not None:
        await refuse_taken(settings.slack_port, "TANDEM_SLACK_PORT")
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_parts(configuration))
        model_started = asyncio.Event()
        # Looked at before the bot is there: what somebody adds while the model starts takes no handbook from a new team.
        is_empty = await parts.library.count(EVERYONE) == 0
        # From here on the index is ours: the short commands go through this process, and another `tandem run` is told so.
        await stack.enter_async_context(control.serving(configuration.home, _operations(parts, model_started)))
        if settings.local_workspace:
            await stack.enter_async_context(_workspace(configuration, say))
        # Opened before the bot and filled after it: the bot takes messages in while the model starts, and is ended first.
        model = await stack.enter_async_context(AsyncExitStack())
        bot = await _connected(parts, stack, put_into_service, model_started)
        await stack.enter_async_context(
            health.serving(settings.health_port, _checks(parts, bot, model_started), _notes(parts))
        )
        warming = asyncio.create_task(parts.library.warm_up())
        stack.callback(warming.cancel)
        if settings.local_workspace:
            say(f"the page is open at {_page(configuration)}, and questions wait for the model")
        await model.enter_async_context(model_served(parts, say))
        await _prepare_first_start(parts, first_adapter, say, is_empty=is_empty)
        await warming
        building = asyncio.create_task(_build_index(parts), name="index of another embedding model")
        stack.push_async_callback(_ended, building)
        _settle_memory()
        model_started.set()
        say(_welcome(configuration))
        await asyncio.Event().wait()


async def _build_index(parts: Parts) -> None:
    """Where the embedding model was changed: until it is done, the previous index answers."""
    while True:
        try:
            await parts.library.build_index()
        except KnowledgeError as error:
            _log.warning("embedding the documents anew goes on in %d s: %s", _BUILD_AGAIN_S, error)
            await asyncio.sleep(_BUILD_AGAIN_S)
        else:
            return


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _settle_memory() -> None:
    """What the libraries brought stays for good: looked through in each full collection, it would stop all for a while."""
    gc.collect()
    gc.freeze()


def _operations(parts: Parts, model_started: asyncio.Event) -> LocalOperations:
    return LocalOperations(
        router=parts.router,
        library=parts.library,
        ingests=Ingests(parts.engine),
        quarantine=Quarantine(parts.engine),
        who_sees=who_sees(parts.configuration),
        model_started=model_started,
    )


async def _prepare_first_start(parts: Parts, first_adapter: FirstAdapter, say: Say, *, is_empty: bool) -> None:
    """The grounding adapter into service, and the sample handbook into the index, each once."""
    release = await parts.releases.in_service()
    if parts.configuration.router.model_url is None and (release is None or not release.adapter):
        say("putting the grounding adapter into service, once")
        await first_adapter(parts)
    settings = parts.configuration.bot
    if settings.local_workspace and settings.sample and is_empty:
        say("taking in the sample handbook, once")
        async for result in parts.library.ingest(str(files("bot") / "sample" / "pages"), PUBLIC):
            level = logging.WARNING if result.status == "failed" else logging.INFO
            _log.log(level, "sample: %s %s %s", result.status, result.uri, result.error or "")


async def _connected(
    parts: Parts, stack: AsyncExitStack, put_into_service: PutIntoService, model_started: asyncio.Event
) -> Bot:
    tokens = read_tokens(parts.configuration.bot)
    if tokens is None:
        raise BotError("there is no workspace to connect to: set SLACK_BOT_TOKEN, or leave the local one on")
    settings = parts.configuration.bot
    bot = await open_bot(
        SlackSettings(
            bot_token=tokens.bot,
            app_token=tokens.app or "",
            signing_secret=tokens.signing_secret or "",
            api_url=tokens.api_url,
            host=settings.slack_host,
            port=settings.slack_port,
            durable_url=durable_url(parts.configuration.database),
            executor_id=settings.replica,
            questions_per_minute=settings.questions_per_minute,
            upload_bytes=parts.configuration.knowledge.max_document_bytes,
            failpoint=settings.failpoint,
            nightly_hour_utc=settings.nightly_hour_utc,
            refresh_hours=settings.refresh_hours,
        ),
        router=parts.router,
        library=parts.library,
        journal=parts.journal,
        engine=parts.engine,
        nightly=_nightly(parts.configuration),
        put_into_service=lambda adapter: put_into_service(parts, adapter),
        model_started=model_started,
    )
    stack.push_async_callback(end_apart, parts.configuration.home, night_command.NAME)
    stack.push_async_callback(bot.stop)
    await bot.start()
    return bot


def _nightly(configuration: Configuration) -> Job | None:
    if not configuration.bot.nightly_here:
        return None
    return lambda scheduled: night_command.run_in_a_process(configuration, scheduled)


@asynccontextmanager
async def _workspace(configuration: Configuration, say: Say) -> AsyncGenerator[None]:
    """The local workspace as a process of its own; one left by a killed bot is taken over, its page still open."""
    settings = configuration.bot
    record = configuration.home / "run" / "workspace.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    fingerprint = str(settings.workspace_port)
    left = processes.recorded(record)
    if left is not None and left.fingerprint != fingerprint:
        await processes.end(left)
        left = None
    if left is None:
        await refuse_taken(settings.workspace_port, "TANDEM_WORKSPACE_PORT")
        command = [
            sys.executable, "-m", "bot.workspace", "--home", str(workspace_home(settings)),
            "--port", str(settings.workspace_port),
        ]  # fmt: skip
        log = configuration.home / "logs" / "workspace.log"
        left = await processes.start(command, environment=os.environ, log=log, record=record, fingerprint=fingerprint)
    try:
        await _await_workspace(settings.workspace_port, record, configuration.home / "logs" / "workspace.log")
        yield
    finally:
        say("stopping")
        await processes.end(left)
        record.unlink(missing_ok=True)


async def _await_workspace(port: int, record: Path, log: Path) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _WORKSPACE_TIMEOUT_S
    async with httpx.AsyncClient(trust_env=False) as client:
        while loop.time() < deadline:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/page/session")).is_success:
                    return
            except httpx.HTTPError:
                if processes.recorded(record) is None:
                    break
            await asyncio.sleep(0.1)
    raise BotError(f"the local workspace did not start; its last words are in {log}")


def _checks(parts: Parts, bot: Bot, model_started: asyncio.Event) -> dict[str, health.Check]:
    async def database() -> bool:
        async with parts.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        return True

    async def index() -> bool:
        return await parts.library.ready()

    async def model() -> bool:
        return model_started.is_set() and await parts.model.ready()

    return {"database": database, "index": index, "model": model, "slack": bot.connected}


def _notes(parts: Parts) -> dict[str, health.Note]:
    return {"index_change": lambda: str(parts.library.index_change or "")}


def _welcome(configuration: Configuration) -> str:
    if configuration.bot.local_workspace:
        return f"Tandem is ready: open {_page(configuration)}"
    return "Tandem is ready: it answers in your Slack workspace"


def _page(configuration: Configuration) -> str:
    return f"http://127.0.0.1:{configuration.bot.workspace_port}/"
