import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import web

from bot.downloads import Downloads, NotDownloaded
from bot.slack import Slack
from tests.bot.fakes import FakeSlack
from tests.knowledge.fakes import application_served

_TOKEN = "xoxb-secret"


class _Host:
    """A file server on loopback that remembers who showed it a token."""

    def __init__(self) -> None:
        self.tokens: list[str | None] = []
        self.url = ""

    async def file(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers.get("Authorization"))
        kind = request.query.get("kind", "text/plain")
        if "to" in request.query:
            raise web.HTTPFound(request.query["to"])
        return web.Response(body=b"hello", content_type=kind, status=int(request.query.get("status", 200)))


@pytest.fixture
async def host() -> AsyncIterator[_Host]:
    host = _Host()
    async with application_served(web.get("/file", host.file)) as host.url:
        yield host
    await asyncio.sleep(0)


def _downloads(host: _Host, *, max_bytes: int = 5, **file: Any) -> Downloads:
    given = {"name": "notes.txt", "mimetype": "text/plain", "url_private": f"{host.url}/file", **file}
    slack = cast("Slack", FakeSlack(files__info={"file": given}))
    return Downloads(slack=slack, token=_TOKEN, api_url=f"{host.url}/api/", max_bytes=max_bytes)


async def test_upload_is_read_with_the_token_from_slacks_own_host(host: _Host) -> None:
    upload = await _downloads(host, permalink="https://team.slack.com/files/F1").fetch("F1")
    assert (upload.data, upload.name, upload.uri) == (b"hello", "notes.txt", "https://team.slack.com/files/F1")
    assert host.tokens == [f"Bearer {_TOKEN}"]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/file",
        "https://files.slack.com.evil.example/x",
        "http://files.slack.com/x",
        "https://files.slack.com:8443/x",
        "https://files.slack.com@evil.example/x",
        "http://[",
        "",
    ],
)
async def test_token_goes_to_no_other_host(host: _Host, address: str) -> None:
    with pytest.raises(NotDownloaded, match="outside Slack"):
        await _downloads(host, url_private=address).fetch("F1")


async def test_token_does_not_follow_a_redirect(host: _Host) -> None:
    downloads = _downloads(host, url_private=f"{host.url}/file?to={host.url}/file")
    with pytest.raises(NotDownloaded, match="302"):
        await downloads.fetch("F1")
    assert len(host.tokens) == 1


async def test_login_page_instead_of_a_file_names_the_missing_right(host: _Host) -> None:
    with pytest.raises(NotDownloaded, match="files:read"):
        await _downloads(host, url_private=f"{host.url}/file?kind=text/html").fetch("F1")


async def test_uploaded_page_is_not_taken_for_a_login_page(host: _Host) -> None:
    downloads = _downloads(host, url_private=f"{host.url}/file?kind=text/html", mimetype="text/html")
    assert (await downloads.fetch("F1")).data == b"hello"


async def test_a_file_over_the_limit_is_not_read(host: _Host) -> None:
    with pytest.raises(NotDownloaded, match=r"notes\.txt is larger than 4 bytes"):
        await _downloads(host, max_bytes=4).fetch("F1")
