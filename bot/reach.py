"""How a short command reaches the parts: through the running bot, or by opening them itself."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from bot.assembly import Configuration, Parts, open_parts
from bot.control import RemoteOperations
from bot.model_server import ModelServer
from bot.operations import LocalOperations, Operations
from bot.views import who_sees

Progress = Callable[[str], None]
ServeAdapter = Callable[[Parts], Awaitable[None]]


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
            await stack.enter_async_context(model_served(parts, progress))
        yield LocalOperations(router=parts.router, library=parts.library, who_sees=who_sees(configuration))


@asynccontextmanager
async def model_served(parts: Parts, progress: Progress) -> AsyncGenerator[None]:
    """A model server that answers, the adapter in service loaded: the embedded one, or the one that is set."""
    if parts.configuration.router.model_url:
        await load_adapter_in_service(parts)
        yield
        return
    server = ModelServer(parts.configuration.bot, on_ready=lambda: load_adapter_in_service(parts))
    try:
        await server.start(progress)
        yield
    finally:
        await server.stop()


async def load_adapter_in_service(parts: Parts) -> None:
    """A model server forgets at each restart what was loaded into it; SQL says what belongs there."""
    release = await parts.releases.in_service()
    if release is not None:
        await parts.model.load_adapter(release.adapter, release.path)
