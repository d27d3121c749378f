"""How a short command reaches the parts: through the running bot, or by opening them itself."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from bot.assembly import Configuration, Parts, open_parts
from bot.control import RemoteOperations
from bot.errors import SettingsError
from bot.ingest_workers import IngestWorkers
from bot.ingests import Ingests
from bot.model_server import ModelServer
from bot.operations import LocalOperations, Operations
from bot.quarantine import Quarantine
from bot.views import who_sees
from router.earlier import adapters_before, adapters_of
from router.errors import RouterError

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 5.0
_LONGEST_WAIT_S = 60.0

Progress = Callable[[str], None]


@asynccontextmanager
async def reach_operations(
    configuration: Configuration, *, needs_model: bool, progress: Progress
) -> AsyncGenerator[Operations]:
    """The running bot's operations where one runs, else this process's own, with a model server for as long."""
    remote = RemoteOperations(configuration.home)
    if await remote.reachable():
        yield remote
        return
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_parts(configuration))
        if needs_model:
            # The embedding model takes seconds to load: within a question, its search would run out of time.
            warming = asyncio.create_task(parts.library.warm_up())
            stack.callback(warming.cancel)
            if configuration.router.model_url:
                # Not waited for: a person who asks once is told at once that the server is not there.
                await load_adapter_in_service(parts)
            else:
                await stack.enter_async_context(model_served(parts, progress))
            await warming
        yield _local(parts)


@asynccontextmanager
async def operations_of_several(configuration: Configuration, workers: int) -> AsyncGenerator[Operations]:
    """This process's own operations, also beside a running bot, with so many others that take documents in.

    Raises SettingsError where one process owns the database or the index, WorkerError where the others cannot start.
    """
    if configuration.database.get_backend_name() == "sqlite" or not configuration.knowledge.qdrant_url:
        raise SettingsError(
            "--workers needs a database and an index that several processes may use: set TANDEM_DATABASE_URL to "
            "PostgreSQL and TANDEM_QDRANT_URL to a Qdrant server, or leave it out"
        )
    async with open_parts(configuration) as parts, IngestWorkers(workers) as beside:
        yield _local(parts, workers=beside)


@asynccontextmanager
async def model_served(
    parts: Parts, progress: Progress, *, look_every_s: float = _LOOK_EVERY_S
) -> AsyncGenerator[None]:
    """A model server that answers, the adapter in service loaded: the embedded one, or the one that is set.

    The one that is set is waited for as long as it takes, and looked at every `look_every_s` seconds from then on.
    """
    if parts.configuration.router.model_url:
        await _await_ready(parts, progress, look_every_s)
        await load_adapter_in_service(parts)
        keeping = asyncio.create_task(_keep_adapter_loaded(parts, look_every_s), name="adapter in service")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        return
    server = ModelServer(parts.configuration.bot, on_ready=lambda: load_adapter_in_service(parts))
    try:
        await server.start(progress)
        yield
    finally:
        await server.stop()


async def load_adapter_in_service(parts: Parts) -> None:
    """A model server forgets at each restart what was loaded into it; SQL says what belongs there.

    The adapter before comes too, so that going back to it waits for nothing. A failure is logged and no more: the
    router answers from the base model, labelled, where the adapter is missing.
    """
    with suppress(RouterError):
        await _load(parts)


async def _await_ready(parts: Parts, progress: Progress, look_every_s: float) -> None:
    said = f"waiting for the model server at {parts.configuration.model_url} (TANDEM_MODEL_URL)"
    while not await parts.model.ready():
        if said:
            progress(said)
            said = ""
        await asyncio.sleep(look_every_s)


async def _keep_adapter_loaded(parts: Parts, look_every_s: float) -> None:
    """A server elsewhere is restarted unseen. One that refuses the adapter is asked again less and less often."""
    wait_s = look_every_s
    while True:
        await asyncio.sleep(wait_s)
        if not await parts.model.ready():
            wait_s = look_every_s
            continue
        try:
            await _load(parts)
        except RouterError:
            wait_s = min(2 * wait_s, max(_LONGEST_WAIT_S, look_every_s))
        else:
            wait_s = look_every_s


async def _load(parts: Parts) -> None:
    """Raises RouterError where the adapter in service is not loaded, and has it logged then."""
    wanted = "the adapter in service"
    try:
        known, earlier = await adapters_of(parts.engine), await adapters_before(parts.engine)
        for in_service in known[:1]:
            wanted = f"{in_service.adapter} in {in_service.path}"
            await parts.model.load_adapter(in_service.adapter, in_service.path)
    except RouterError as error:
        _log.error("%s could not be loaded, so the base model answers (%s)", wanted, type(error).__name__)
        raise
    for before in earlier[:1]:
        try:
            await parts.model.load_adapter(before.adapter, before.path)
        except RouterError as error:
            _log.warning("%s, in service before, could not be loaded (%s)", before.adapter, type(error).__name__)


def _local(parts: Parts, *, workers: IngestWorkers | None = None) -> LocalOperations:
    return LocalOperations(
        router=parts.router,
        library=parts.library,
        ingests=Ingests(parts.engine),
        quarantine=Quarantine(parts.engine),
        who_sees=who_sees(parts.configuration),
        workers=workers,
    )
