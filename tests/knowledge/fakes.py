"""Stand-ins at this package's own seams."""

import hashlib
import math
import re
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiohttp import web

from knowledge.index import PassageIndex
from knowledge.library import Library
from knowledge.threaded import ThreadedEmbedding

DIMENSIONS = 64


class WordEmbedding(ThreadedEmbedding):
    """Words hashed into a vector: texts that share words are near, and no model is loaded."""

    def count_tokens(self, text: str) -> int:
        return len(re.findall(r"\w+|[^\w\s]", text))

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [_vector(text) for text in texts]


def _vector(text: str) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()) or ["nothing"]:
        vector[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1.0
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector]


def index_of(library: Library) -> PassageIndex:
    """The one index that a library has while no other is being built."""
    assert isinstance(library._index, PassageIndex)
    return library._index


@contextmanager
def served(answer: Callable[[BaseHTTPRequestHandler], None]) -> Generator[str]:
    """Answer GET and POST on loopback; gives host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def application_served(*routes: web.RouteDef) -> AsyncGenerator[str]:
    """Serve them on loopback in this event loop; gives the address."""
    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


class Website:
    """Pages by their path, served on loopback: a body, a status, or a redirect as `-> address`. It notes the requests.

    With `named`, each page has an ETag made of what it says, and whoever names it gets a 304; `conditions` are the
    ETags that were sent.
    """

    def __init__(self, pages: Mapping[str, str | bytes | int]) -> None:
        self.pages = dict(pages)
        self.paths: list[str] = []
        self.came_at: list[float] = []
        self.conditions: list[str] = []
        self.named = False
        self.most_at_once = 0
        self.host = ""
        self._at_once = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @contextmanager
    def serving(self) -> Generator["Website"]:
        with served(self.answer) as self.host:
            yield self

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.paths.append(handler.path)
        self.came_at.append(time.monotonic())
        page = self.pages.get(handler.path, 404)
        if isinstance(page, str) and page.startswith("-> "):
            handler.send_response(302)
            handler.send_header("Location", page.removeprefix("-> "))
            page = b""
        else:
            condition = handler.headers.get("If-None-Match", "")
            self.conditions += [condition] if condition else []
            named = f'"{hashlib.sha256(str(page).encode()).hexdigest()}"'
            if self.named and condition == named:
                page = 304
            handler.send_response(page if isinstance(page, int) else 200)
            if self.named and page != 304:
                handler.send_header("ETag", named)
            handler.send_header("Content-Type", _type_of(handler.path))
        handler.end_headers()
        self._at_once -= 1
        if not isinstance(page, int):
            handler.wfile.write(page.replace("HOST", self.host).encode() if isinstance(page, str) else page)


def _type_of(path: str) -> str:
    suffix = path.rpartition(".")[2]
    return {"txt": "text/plain", "xml": "text/xml", "png": "image/png", "gz": "application/gzip"}.get(
        suffix, "text/html"
    )
