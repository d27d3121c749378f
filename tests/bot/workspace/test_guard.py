"""Loopback only, and no other site's business."""

import asyncio
import sys

import aiohttp
import pytest

from tests.bot.workspace.driver import ROOT, Workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", ["/page/session", "/api/auth.test", "/"])
@pytest.mark.parametrize(
    "headers",
    [{"Host": "rebound.example:3100"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=["host", "origin", "null"],
)
async def test_request_meant_for_another_name_or_from_another_site_is_forbidden(
    shared_workspace: Workspace, path: str, headers: dict[str, str]
) -> None:
    async with aiohttp.ClientSession() as session:
        response = await session.get(shared_workspace.process.address + path, headers=headers)
        assert response.status == 403
        assert "xoxp" not in await response.text()


async def test_page_may_run_its_own_files_only(shared_workspace: Workspace) -> None:
    async with aiohttp.ClientSession() as session:
        response = await session.get(shared_workspace.process.address + "/")
        policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["..%2f__main__.py", "%2e%2e/__main__.py", "/etc/passwd", "nothing.js"])
async def test_no_file_outside_the_pages_folder_is_served(shared_workspace: Workspace, path: str) -> None:
    async with aiohttp.ClientSession() as session:
        response = await session.get(f"{shared_workspace.process.address}/static/{path}")
        assert response.status == 404


async def test_any_host_but_loopback_is_refused() -> None:
    command = [sys.executable, "-m", "bot.workspace", "--home", "unused", "--host", "0.0.0.0"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, cwd=ROOT)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"not a loopback address" in said


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"\xff\xfe", "application/json", "invalid_json"),
        (b"[]", "application/json", "json_not_object"),
        (b"\x00", "text/plain", "invalid_post_type"),
        (b"text=%ff&channel=%00", "application/x-www-form-urlencoded", "channel_not_found"),
    ],
)
async def test_malformed_body_is_refused_by_name(
    shared_workspace: Workspace, body: bytes, content_type: str, error: str
) -> None:
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {shared_workspace.bot_token}"}
    async with aiohttp.ClientSession() as session:
        response = await session.post(shared_workspace.api_url + "chat.postMessage", data=body, headers=headers)
        assert (response.status, (await response.json())["error"]) == (200, error)


async def test_socket_ticket_serves_once(shared_workspace: Workspace) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {shared_workspace.app_token}"}
        opened = await (await session.post(shared_workspace.api_url + "apps.connections.open", headers=headers)).json()
        async with session.ws_connect(opened["url"]) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await session.ws_connect(opened["url"])
