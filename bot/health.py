"""`/healthz`: the process lives. `/readyz`: all it needs to answer is there. On loopback only."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from bot.ports import refuse_taken

Check = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def serving(port: int, checks: Mapping[str, Check]) -> AsyncGenerator[None]:
    """Serve both pages for as long as the context lasts. Raises PortTaken."""
    await refuse_taken(port, "TANDEM_HEALTH_PORT")

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(_: web.Request) -> web.Response:
        ready = {name: await _passes(check) for name, check in checks.items()}
        return web.json_response({"ok": all(ready.values()), **ready}, status=200 if all(ready.values()) else 503)

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def _passes(check: Check) -> bool:
    try:
        return await check()
    except Exception:  # noqa: BLE001 — whatever a part raises, it is not ready
        return False
