"""`/healthz`: the process lives. `/readyz`: all it needs to answer is there. On loopback only."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from bot.ports import refuse_taken

Check = Callable[[], Awaitable[bool]]
Note = Callable[[], str]
"""A sentence, or "" where there is nothing to say."""


@asynccontextmanager
async def serving(
    port: int, checks: Mapping[str, Check], notes: Mapping[str, Note] | None = None
) -> AsyncGenerator[None]:
    """Serve both pages for as long as the context lasts; a note says more and does not count. Raises PortTaken."""
    await refuse_taken(port, "TANDEM_HEALTH_PORT")

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(_: web.Request) -> web.Response:
        ready = {name: await _passes(check) for name, check in checks.items()}
        told = {name: said for name, note in (notes or {}).items() if (said := note())}
        ok = all(ready.values())
        return web.json_response({"ok": ok, **ready, **told}, status=200 if ok else 503)

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
