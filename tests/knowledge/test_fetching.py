import gzip
import json
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from knowledge.addresses import check_address, parse_place
from knowledge.errors import SourceError, SourceNotFound, SourceRefused, SourceTimeout, SourceUnreadable
from knowledge.fetching import Fetcher
from knowledge.settings import KnowledgeSettings

PUBLIC = "93.184.215.14"
# What a resolver answers for the hosts of the cases; the addresses in them that are written out it reads itself.
HOSTS = {
    "public-fake": [[PUBLIC]],
    "xn--pblic-fake-9db": [[PUBLIC]],
    "rebind-fake": [["203.0.113.9"], ["127.0.0.1"]],
    "multi-fake": [[PUBLIC, "127.0.0.1"]],
    "localhost": [["127.0.0.1"]],
    "ip6-localhost": [["::1"]],
    "metadata.google.internal": [["169.254.169.254"]],
    "kubernetes.default.svc": [["10.96.0.1"]],
    "example.com": [[PUBLIC]],
    "rebinding.example": [[PUBLIC], ["127.0.0.1"]],
}


class Resolver:
    """Answers as told, one list after another; the last stays. What is an address already stands for itself."""

    def __init__(self) -> None:
        self._answers = {host: list(turns) for host, turns in HOSTS.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host.replace(".", "").isdigit() or ":" in host:
            return [host]
        turns = self._answers.get(host, [[]])
        return turns.pop(0) if len(turns) > 1 else turns[0]


async def body() -> AsyncIterator[bytes]:
    yield b"ok"


class Site(httpx.AsyncBaseTransport):
    """A site that redirects as asked; it notes where connections went."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/loop":
            return httpx.Response(302, headers={"location": "/loop"})
        if "to" in request.url.params:
            return httpx.Response(302, headers={"location": request.url.params["to"]})
        return httpx.Response(200, content=body())


def fetcher(site: Site, resolver: Resolver | None = None, **settings: object) -> Fetcher:
    return Fetcher(KnowledgeSettings.model_validate(settings), resolve=resolver or Resolver(), transport=site)


@pytest.mark.data
async def test_every_known_ssrf_case_is_blocked_and_every_honest_one_allowed(data_dir: Path) -> None:
    lines = (data_dir / "security" / "ssrf-cases" / "ssrf_cases.jsonl").read_text().splitlines()
    outcomes = {"block": 0, "allow": 0}
    for case in map(json.loads, lines):
        site = Site()
        try:
            await fetcher(site).fetch(case["url"])
            outcome = "allow"
        except SourceError:
            outcome = "block"
        assert outcome == case["expect"], case
        assert all(request.url.host == PUBLIC for request in site.requests), case
        outcomes[outcome] += 1
    assert outcomes == {"block": 77, "allow": 4}


@pytest.mark.parametrize(
    "hosts", ["http://wiki.internal", "wiki.internal/docs", "wiki internal", "*.internal", "wiki.internal:web"]
)
def test_an_allowed_host_that_no_page_could_have_is_refused_with_what_to_write(hosts: str) -> None:
    with pytest.raises(ValueError, match="is no host; write host or host:port"):
        KnowledgeSettings.model_validate({"fetch_allow_hosts": f"127.0.0.1:8000, {hosts}"})


@pytest.mark.parametrize(
    "host", ["wiki.internal", "wiki.internal:8080", "10.0.0.7", "127.0.0.1:8000", "::1:8000", "fd00::7"]
)
def test_hosts_are_allowed_as_people_write_them(host: str) -> None:
    assert KnowledgeSettings.model_validate({"fetch_allow_hosts": f" {host.upper()} ,"}).fetch_allow_hosts == (host,)


async def test_a_second_answer_of_the_resolver_changes_nothing() -> None:
    site, resolver = Site(), Resolver()
    await fetcher(site, resolver).fetch("https://rebinding.example/page")
    [request] = site.requests
    assert request.url.host == PUBLIC
    assert resolver.asked == ["rebinding.example"]


async def test_the_host_keeps_its_name_in_header_and_handshake() -> None:
    site = Site()
    await fetcher(site).fetch("https://example.com/a?b=c")
    [request] = site.requests
    assert str(request.url) == f"https://{PUBLIC}/a?b=c"
    assert request.headers["host"] == "example.com"
    assert request.extensions["sni_hostname"] == "example.com"


async def test_a_redirect_is_resolved_and_checked_anew() -> None:
    site, resolver = Site(), Resolver()
    with pytest.raises(SourceRefused):
        await fetcher(site, resolver).fetch("http://example.com/r?to=http://localhost/")
    assert resolver.asked == ["example.com", "localhost"]
    assert len(site.requests) == 1


async def test_a_named_internal_host_is_fetched_and_only_on_its_port() -> None:
    site = Site()
    fetch = fetcher(site, fetch_allow_hosts=("localhost:8080",)).fetch
    assert (await fetch("http://localhost:8080/")).data == b"ok"
    for url in ("http://localhost/", "http://localhost:8081/", "http://127.0.0.1:8080/"):
        with pytest.raises(SourceRefused):
            await fetch(url)


@pytest.mark.parametrize("address", ["8.8.8.8", PUBLIC, "2606:4700::1111"])
def test_public_addresses_pass(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "192.0.0.192",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fec0::1",
        "::ffff:8.8.8.8",
        "fe80::1%eth0",
        "x",
    ],
)
def test_addresses_that_python_calls_global_do_not_pass(address: str) -> None:
    with pytest.raises(SourceRefused):
        check_address(address)


def test_refusal_of_a_private_page_sends_to_an_administrator_and_names_no_setting() -> None:
    with pytest.raises(SourceRefused, match="administrator") as refused:
        check_address("10.0.0.1")
    assert "TANDEM_" not in str(refused.value)


def test_a_host_has_one_form() -> None:
    assert parse_place("HTTP://Example.COM.:80/a#b").url == "http://example.com/a"


# What a server that packs without being asked sends: path, encoding, body.
PACKED = {
    "/packed": ("gzip", gzip.compress(b"<h1>Tea</h1>")),
    "/large-packed": ("gzip", gzip.compress(b"x" * 20_000_000)),
    "/in-parts": ("gzip", gzip.compress(b"<h1>Tea</h1>") + gzip.compress(b"<p>At four</p>")),
    "/padded": ("gzip", gzip.compress(b"<h1>Tea</h1>") + bytes(512)),
    "/large-in-parts": ("gzip", gzip.compress(b"<h1>Tea</h1>") + gzip.compress(b"x" * 20_000_000)),
    "/damaged-in-parts": ("gzip", gzip.compress(b"<h1>Tea</h1>") + b"<p>At four</p>"),
    "/cut-off-in-parts": ("gzip", gzip.compress(b"<h1>Tea</h1>") + gzip.compress(b"<p>At four</p>")[:-12]),
    "/cut-off": ("gzip", gzip.compress(b"<h1>Tea</h1>")[:-12]),
    "/not-packed": ("gzip", b"<h1>Tea</h1>"),
    "/twice": ("gzip, gzip", gzip.compress(gzip.compress(b"<h1>Tea</h1>"))),
    "/other": ("br", b"<h1>Tea</h1>"),
}


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            threading.Event().wait(2)
        self.send_response(404 if self.path == "/gone" else 500 if self.path == "/broken" else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Last-Modified", "Tue" if self.path == "/undated" else "Thu, 02 May 2024 10:00:00 GMT")
        encoding, packed = PACKED.get(self.path, ("", b""))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(packed or (b"x" * 5000 if self.path == "/large" else b"<h1>Tea</h1>"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class names it
        pass


@pytest.fixture
def site_port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_real_page_is_fetched_past_any_proxy(site_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    settings = KnowledgeSettings(fetch_allow_hosts=(f"127.0.0.1:{site_port}",))
    page = await Fetcher(settings).fetch(f"http://127.0.0.1:{site_port}/")
    assert (page.data, page.content_type) == (b"<h1>Tea</h1>", "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("gone", SourceNotFound),
        ("broken", SourceUnreadable),
        ("large", SourceRefused),
        ("slow", SourceTimeout),
        ("large-packed", SourceRefused),
        ("large-in-parts", SourceRefused),
        ("cut-off", SourceUnreadable),
        ("cut-off-in-parts", SourceUnreadable),
        ("damaged-in-parts", SourceUnreadable),
        ("not-packed", SourceUnreadable),
        ("twice", SourceUnreadable),
        ("other", SourceUnreadable),
    ],
)
async def test_a_page_that_is_none_says_why(site_port: int, path: str, error: type[SourceError]) -> None:
    settings = KnowledgeSettings(
        fetch_allow_hosts=(f"127.0.0.1:{site_port}",), max_document_bytes=1000, fetch_timeout_s=1
    )
    with pytest.raises(error):
        await Fetcher(settings).fetch(f"http://127.0.0.1:{site_port}/{path}")


@pytest.mark.parametrize(
    ("path", "data"),
    [("packed", b"<h1>Tea</h1>"), ("padded", b"<h1>Tea</h1>"), ("in-parts", b"<h1>Tea</h1><p>At four</p>")],
)
async def test_a_page_packed_unasked_is_unpacked(site_port: int, path: str, data: bytes) -> None:
    settings = KnowledgeSettings(fetch_allow_hosts=(f"127.0.0.1:{site_port}",))
    assert (await Fetcher(settings).fetch(f"http://127.0.0.1:{site_port}/{path}")).data == data


class Pieces(httpx.AsyncBaseTransport):
    """A site whose page is packed and comes in these pieces; it counts the bytes that were taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.taken = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, content=self._send())

    async def _send(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.taken += len(piece)
            yield piece


@pytest.mark.parametrize("length", [1, 3, 19])
async def test_a_packed_page_may_be_cut_anywhere_on_its_way(length: int) -> None:
    packed = (
        gzip.compress(b"<h1>Tea</h1>") + bytes(5) + gzip.compress(b"") + gzip.compress(b"<p>At four</p>") + bytes(5)
    )
    site = Pieces(packed[start : start + length] for start in range(0, len(packed), length))
    page = await Fetcher(KnowledgeSettings(), resolve=Resolver(), transport=site).fetch("https://example.com/")
    assert page.data == b"<h1>Tea</h1><p>At four</p>"


@pytest.mark.parametrize("more", [bytes(1000), gzip.compress(b"") * 50], ids=["padding", "empty parts"])
async def test_a_packed_page_is_taken_no_further_than_the_limit(more: bytes) -> None:
    site = Pieces([gzip.compress(b"<h1>Tea</h1>"), *[more] * 1000])
    settings = KnowledgeSettings(max_document_bytes=10_000)
    with pytest.raises(SourceRefused, match="larger than 10,000 bytes"):
        await Fetcher(settings, resolve=Resolver(), transport=site).fetch("https://example.com/")
    assert site.taken <= 10_000 + len(more)


async def test_a_packed_page_takes_no_more_memory_than_the_limit_lets_it(site_port: int) -> None:
    settings = KnowledgeSettings(fetch_allow_hosts=(f"127.0.0.1:{site_port}",), max_document_bytes=1000)
    tracemalloc.start()
    try:
        with pytest.raises(SourceRefused):
            await Fetcher(settings).fetch(f"http://127.0.0.1:{site_port}/large-packed")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


async def test_a_page_knows_where_it_was_found_and_when_it_was_changed(site_port: int) -> None:
    fetch = Fetcher(KnowledgeSettings(fetch_allow_hosts=(f"127.0.0.1:{site_port}",))).fetch
    page = await fetch(f"http://127.0.0.1:{site_port}/a#b")
    assert page.url == f"http://127.0.0.1:{site_port}/a"
    assert page.modified_at == datetime(2024, 5, 2, 10, tzinfo=UTC)
    assert (await fetch(f"http://127.0.0.1:{site_port}/undated")).modified_at is None


async def test_a_page_is_known_by_where_the_redirects_led() -> None:
    page = await fetcher(Site()).fetch("http://example.com/r?to=https://public-fake/a")
    assert page.url == "https://public-fake/a"


async def test_a_redirect_to_no_address_is_refused() -> None:
    with pytest.raises(SourceRefused):
        await fetcher(Site()).fetch("http://example.com/r?to=http://[x")
