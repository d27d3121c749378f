"""The workspace's process: everything composed, served on loopback until it is told to stop."""

import asyncio
import contextlib
import dataclasses
import signal
import socket

from aiohttp import web

from bot.workspace.app_link import AppLink
from bot.workspace.deliveries import Deliveries
from bot.workspace.faults import Faults
from bot.workspace.file_routes import FileRoutes
from bot.workspace.guard import guard_against_other_sites
from bot.workspace.http_mode import HttpMode
from bot.workspace.identity import Tokens
from bot.workspace.live import Live
from bot.workspace.manifest import DEFAULT, read_manifest
from bot.workspace.options import Options
from bot.workspace.pacing import Pacing
from bot.workspace.page_api import PageApi
from bot.workspace.response_urls import answer_response_url
from bot.workspace.sample import open_team
from bot.workspace.socket_mode import SocketMode
from bot.workspace.state import State
from bot.workspace.trial_api import TrialApi
from bot.workspace.triggers import Triggers
from bot.workspace.uploads import UPLOAD_BYTES
from bot.workspace.web_api import WebApi
from bot.workspace.workspace import Workspace

CLOSE_S = 2.0


async def serve(options: Options) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError where the port is taken."""
    listener = _listen(options.host, options.port)
    workspace = _open_workspace(dataclasses.replace(options, port=listener.getsockname()[1]))
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    faults = Faults()
    socket_mode = None if options.request_url else SocketMode(workspace)
    link: AppLink = socket_mode or HttpMode(workspace, options.request_url or "")
    deliveries = Deliveries(workspace, link, faults)
    runner = web.AppRunner(_application(workspace, link, socket_mode, faults), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1024, shutdown_timeout=CLOSE_S).start()
    print(f"The workspace is at {workspace.address}", flush=True)  # noqa: T201 - the line that says where
    delivering = asyncio.create_task(deliveries.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        # Deliveries end by themselves only by failing: the process then ends with their error.
        await asyncio.wait({delivering, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        delivering.cancel()
        await deliveries.close()
        await link.close()
        workspace.live.close()
        await runner.cleanup()
        workspace.state.close()
    with contextlib.suppress(asyncio.CancelledError):
        await delivering


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _open_workspace(options: Options) -> Workspace:
    options.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    options.home.chmod(0o700)
    state = State(options.home / "workspace.sqlite3")
    team = open_team(state, options.home)
    return Workspace(
        options=options,
        manifest=read_manifest(options.manifest) if options.manifest else DEFAULT,
        state=state,
        team=team,
        tokens=Tokens.read(options.home),
        live=Live(),
        pacing=Pacing(enforced=options.rate_limits),
        triggers=Triggers(lifetime_s=options.trigger_s),
        events_due=asyncio.Event(),
    )


def _application(
    workspace: Workspace, link: AppLink, socket_mode: SocketMode | None, faults: Faults
) -> web.Application:
    guard = guard_against_other_sites(workspace.options.port)
    application = web.Application(client_max_size=UPLOAD_BYTES, middlewares=[guard])
    web_api, page_api, files = WebApi(workspace, faults), PageApi(workspace, link), FileRoutes(workspace)

    async def response_url(request: web.Request) -> web.Response:
        return await answer_response_url(request, workspace)

    application.add_routes(
        [
            web.route("*", "/api/{method}", web_api.answer),
            web.post("/response/{secret}", response_url),
            web.post("/upload/v1/{ticket}", files.upload),
            web.get("/files-pri/{team}-{id}/{name}", files.download),
            web.get("/files-pri/{team}-{id}/download/{name}", files.download),
            web.get("/page/session", page_api.session),
            web.get("/page/events", page_api.events),
            web.post("/page/command", page_api.command),
            web.post("/page/action", page_api.action),
            web.post("/page/shortcut", page_api.shortcut),
            web.post("/page/view", page_api.view),
            web.post("/page/home", page_api.home),
            web.get("/", files.page),
            web.get("/static/{path:.+}", files.page),
        ]
    )
    if socket_mode is not None:
        application.router.add_get("/link/", socket_mode.serve)
    if workspace.options.faults:
        application.add_routes(TrialApi(workspace, faults, web_api, socket_mode).routes())
    return application
