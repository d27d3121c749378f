"""Loopback only, and no other page's business: every request's Host and Origin are checked."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def guard_against_other_sites(port: int) -> Middleware:
    """Build the middleware. A name that was rebound to loopback still shows in Host; another site shows in Origin."""
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}
    origins = {f"http://{host}" for host in hosts}

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Host", "").lower() not in hosts:
            return web.Response(status=403, text="This server answers to its own loopback address only.")
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() not in origins:
            return web.Response(status=403, text="This server answers to its own page only.")
        return await handler(request)

    return middleware


def add_page_headers(response: web.StreamResponse, host: str) -> None:
    """Let the page run nothing but its own files, and talk to this server alone."""
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
        f"connect-src 'self' ws://{host}; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-cache"
