import asyncio
import json
import os
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from knowledge.addresses import parse_place
from knowledge.audience import EVERYONE
from knowledge.collecting import Collector
from knowledge.errors import SourceError, SourceNotFound, SourceRefused, SourceTimeout, SourceUnreadable
from knowledge.fetching import Fetcher
from knowledge.library import Library
from knowledge.repositories import _link, is_repository, repository_sources
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Source
from tests.knowledge.fakes import served
from tests.knowledge.test_fetching import PUBLIC, Resolver

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *command: str) -> None:
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        **{f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True, env=environment)


class GitHost:
    """Repositories in a folder, served over HTTP by git's own program; `broken` answers as told instead."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = ""
        self.moved: dict[str, str] = {}
        self.hangs = False

    @property
    def url(self) -> str:
        return f"http://{self.host}/docs.git"

    def commit(self, *arguments: str) -> None:
        work = self.folder / "docs.git"
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message=x", *arguments)

    @contextmanager
    def serving(self) -> Generator["GitHost"]:
        with served(self.answer) as self.host:
            yield self

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        for before, after in self.moved.items():
            if handler.path.startswith(before):
                handler.send_response(302)
                handler.send_header("Location", handler.path.replace(before, after, 1))
                handler.end_headers()
                return
        if self.hangs and handler.command == "POST":
            threading.Event().wait(5)
            return
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        environment = {
            "PATH": os.defpath,
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": handler.command,
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
        }
        command = ["git", "-c", "safe.directory=*", "http-backend"]
        ran = subprocess.run(command, input=body, capture_output=True, env=environment, check=False)
        head, _, sent = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        handler.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(sent)


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


@pytest.fixture
def host(tmp_path: Path) -> Generator[GitHost]:
    work = tmp_path / "hosted" / "docs.git"
    work.mkdir(parents=True)
    git(work, "init", "--quiet")
    (work / "guide").mkdir()
    (work / "guide" / "a leave.md").write_text("# Leave\n\nThirty days.")
    (work / "README.md").write_text("# Handbook\n\nWelcome.")
    (work / "build.py").write_text("x")
    (work / ".github").mkdir()
    (work / ".github" / "x.md").write_text("x")
    (work / "linked.md").symlink_to("/etc/passwd")
    (work / ".gitattributes").write_text("*.md filter=evil")
    host = GitHost(work.parent)
    host.commit()
    with host.serving():
        yield host


async def sources(url: str, *, host: GitHost, fetcher: Fetcher | None = None, **settings: object) -> list[Source]:
    knowledge = KnowledgeSettings.model_validate({"fetch_allow_hosts": (host.host,), **settings})
    found = repository_sources(url, fetcher=fetcher or Fetcher(knowledge), settings=knowledge)
    return [source async for source in found]


async def test_a_repository_gives_its_documents_and_nothing_hidden_or_linked(host: GitHost) -> None:
    found = await sources(host.url, host=host)
    assert [(source.name, source.uri) for source in found] == [
        ("README.md", f"{host.url}#README.md"),
        ("a leave.md", f"{host.url}#guide/a%20leave.md"),
    ]
    content = found[1].content
    assert content is not None
    assert content.data == b"# Leave\n\nThirty days."


async def test_nothing_stays_on_disk(host: GitHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    settings = KnowledgeSettings(fetch_allow_hosts=(host.host,))
    found = repository_sources(host.url, fetcher=Fetcher(settings), settings=settings)
    await anext(found)
    assert len(list((tmp_path / "temporary").iterdir())) == 1
    await found.aclose()
    assert list((tmp_path / "temporary").iterdir()) == []


async def test_nothing_of_the_environment_reaches_git(
    host: GitHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = 'url."http://127.0.0.1:9/".insteadOf'
    (tmp_path / ".gitconfig").write_text('[url "http://127.0.0.1:9/"]\n\tinsteadOf = http://127.0.0.1\n')
    for name, value in {
        "HOME": str(tmp_path),
        "GIT_DIR": "/nowhere",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": elsewhere,
        "GIT_CONFIG_VALUE_0": "http://127.0.0.1",
        "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig"),
        "GIT_PROXY_COMMAND": "/bin/false",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    assert len(await sources(host.url, host=host)) == 2


async def test_git_connects_to_the_address_that_was_checked(host: GitHost) -> None:
    port = host.host.partition(":")[2]

    async def resolve(name: str, port: int) -> list[str]:
        return ["127.0.0.1"] if name == "git.invalid" else []

    named = f"git.invalid:{port}"
    settings = KnowledgeSettings(fetch_allow_hosts=(named,))
    fetcher = Fetcher(settings, resolve=resolve)
    # No resolver of the system knows that name.
    found = await sources(f"http://{named}/docs.git", host=host, fetcher=fetcher, fetch_allow_hosts=(named,))
    assert len(found) == 2


async def test_an_address_that_changes_before_git_connects_is_refused(host: GitHost) -> None:
    class Advertising(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            kind = "application/x-git-upload-pack-advertisement"
            return httpx.Response(200, headers={"content-type": kind}, content=_nothing())

    fetcher = Fetcher(KnowledgeSettings(), resolve=Resolver(), transport=Advertising())
    with pytest.raises(SourceRefused, match="private network"):
        await sources("https://rebinding.example/docs.git", host=host, fetcher=fetcher)


async def test_a_moved_repository_is_followed_and_checked(host: GitHost) -> None:
    host.moved = {"/old.git": "/docs.git"}
    found = await sources(f"http://{host.host}/old.git", host=host)
    assert found[0].uri == f"{host.url}#README.md"
    host.moved = {"/old.git": "http://169.254.169.254/docs.git"}
    with pytest.raises(SourceRefused):
        await sources(f"http://{host.host}/old.git", host=host)


async def test_git_itself_follows_no_redirect(host: GitHost) -> None:
    host.moved = {"/docs.git/git-upload-pack": f"http://{host.host}/other.git/git-upload-pack"}
    shutil.copytree(host.folder / "docs.git", host.folder / "other.git", symlinks=True)
    with pytest.raises(SourceUnreadable, match="could not be copied"):
        await sources(host.url, host=host)


@pytest.mark.parametrize(
    "url", ["http://example.com/docs.git", "ssh://example.com/docs.git", "git://example.com/a.git"]
)
async def test_only_https_leads_to_a_repository_on_the_internet(host: GitHost, url: str) -> None:
    assert is_repository(url)
    with pytest.raises(SourceRefused, match="https://"):
        await sources(url, host=host)


async def test_what_is_no_repository_says_so(host: GitHost) -> None:
    with pytest.raises(SourceNotFound):
        await sources(f"http://{host.host}/none.git", host=host)


async def test_an_empty_repository_says_so(host: GitHost) -> None:
    (host.folder / "empty.git").mkdir()
    git(host.folder / "empty.git", "init", "--quiet")
    with pytest.raises(SourceUnreadable, match="empty"):
        await sources(f"http://{host.host}/empty.git", host=host)


async def test_a_repository_over_the_limit_is_refused(host: GitHost) -> None:
    (host.folder / "docs.git" / "large.bin").write_bytes(os.urandom(3_000_000))
    host.commit()
    with pytest.raises(SourceRefused, match="larger than 1,000,000 bytes"):
        await sources(host.url, host=host, place_max_bytes=1_000_000)


async def test_a_large_file_is_refused_alone(host: GitHost) -> None:
    (host.folder / "docs.git" / "large.txt").write_bytes(b"x" * 5000)
    host.commit()
    found = await sources(host.url, host=host, max_document_bytes=2000)
    assert [source.name for source in found if source.refusal] == ["large.txt"]
    assert len(found) == 3


async def test_too_many_documents_are_cut_off_and_it_is_said(host: GitHost) -> None:
    first, last = await sources(host.url, host=host, place_max_documents=1)
    assert first.refusal is None
    assert "more than 1 documents" in str(last.refusal)


async def test_a_server_that_hangs_is_given_up(host: GitHost) -> None:
    host.hangs = True
    began = asyncio.get_running_loop().time()
    with pytest.raises(SourceTimeout):
        await sources(host.url, host=host, repository_timeout_s=1)
    assert asyncio.get_running_loop().time() - began < 4


@pytest.mark.data
async def test_no_repository_leads_to_a_private_network(host: GitHost, data_dir: Path) -> None:
    hosts: set[str] = set()

    class Noting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            hosts.add(request.url.host)
            if "to" in request.url.params:
                return httpx.Response(302, headers={"location": request.url.params["to"]})
            return httpx.Response(200, content=_nothing())

    lines = (data_dir / "security" / "ssrf-cases" / "ssrf_cases.jsonl").read_text().splitlines()
    for case in map(json.loads, lines):
        fetcher = Fetcher(KnowledgeSettings(), resolve=Resolver(), transport=Noting())
        for url in (case["url"], f"{case['url'].rstrip('/')}/docs.git"):
            with pytest.raises(SourceError):
                await sources(url, host=host, fetcher=fetcher)
    assert hosts <= {PUBLIC}


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://github.com/acme/docs.git", "https://github.com/acme/docs/blob/HEAD/a%20b.md"),
        ("https://gitlab.com/acme/team/docs.git", "https://gitlab.com/acme/team/docs/-/blob/HEAD/a%20b.md"),
        ("https://gitlab.acme.com/docs.git", "https://gitlab.acme.com/docs/-/blob/HEAD/a%20b.md"),
        ("https://git.acme.com/docs.git", "https://git.acme.com/docs.git#a%20b.md"),
    ],
)
def test_a_file_is_cited_where_people_read_it(url: str, link: str) -> None:
    assert _link(parse_place(url), b"a b.md") == link


@pytest.mark.parametrize("place", ["docs.git", "/srv/docs.git", "https://x/docs.github", "https://x/?a=docs.git", "x"])
def test_other_places_are_no_repositories(place: str) -> None:
    assert not is_repository(place)


async def test_the_documents_of_a_repository_are_found(library: Library, host: GitHost) -> None:
    settings = KnowledgeSettings(fetch_allow_hosts=(host.host,))
    library._collector = Collector(fetcher=Fetcher(settings), parser=library._parser, settings=settings)
    results = [result async for result in library.ingest(host.url, "public")]
    assert [(result.title, result.status) for result in results] == [("Handbook", "added"), ("Leave", "added")]
    assert f"{host.url}#guide/a%20leave.md" in {found.uri for found in await library.search("thirty days", EVERYONE)}


async def test_a_document_of_a_repository_is_read_again_from_there(library: Library, host: GitHost) -> None:
    settings = KnowledgeSettings(fetch_allow_hosts=(host.host,))
    library._collector = Collector(fetcher=Fetcher(settings), parser=library._parser, settings=settings)
    _ = [result async for result in library.ingest(host.url, "public")]
    leave, handbook = sorted(await library.documents(EVERYONE), key=lambda entry: entry.uri, reverse=True)
    assert (await library.refresh(leave)).status == "unchanged"
    (host.folder / "docs.git" / "guide" / "a leave.md").write_text("# Leave\n\nForty days.")
    (host.folder / "docs.git" / "README.md").unlink()
    host.commit()
    assert (await library.refresh(leave)).status == "updated"
    assert (await library.search("leave", EVERYONE))[0].text.endswith("Forty days.")
    again = await library.refresh(handbook, at_once=True)
    assert (again.status, again.error) == ("removed", "It is no longer in its repository")
