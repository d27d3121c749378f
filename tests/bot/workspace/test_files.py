"""Files: three steps up, one step down, with the right token only."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.bot.workspace.apps import connected_app
from tests.bot.workspace.driver import Workspace, running_workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_uploaded_file_arrives_with_its_message_and_the_app_reads_it(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        await shared_workspace.upload("ada", "@ada", "days off.md", b"# 25 days\n", comment="please read")
        event = (await app.heard("message"))["event"]
    [file] = event["files"]
    assert (event["subtype"], event["text"], file["size"]) == ("file_share", "please read", 10)
    status, kind, data = await _download(file["url_private"], shared_workspace.bot_token)
    assert (status, kind, data) == (200, "text/markdown", b"# 25 days\n")


async def test_mention_with_a_file_omits_the_file_in_app_mention_only(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        await shared_workspace.upload(
            "ada", "general", "a.txt", b"x", comment=f"<@{shared_workspace.bot_user}> read this"
        )
        mention, message = await app.heard("app_mention"), await app.heard("message")
    assert "files" not in mention["event"]
    assert message["event"]["files"][0]["name"] == "a.txt"


@pytest.mark.parametrize("token", ["", "xoxb-1-forged"])
async def test_download_without_the_right_token_gives_a_sign_in_page(shared_workspace: Workspace, token: str) -> None:
    file_id = await shared_workspace.upload("ada", "general", "a.txt", b"x")
    told = await shared_workspace.bot().files_info(file=file_id)
    status, kind, data = await _download(told.get("file", {})["url_private"], token)
    assert (status, kind) == (200, "text/html")
    assert b"Sign in" in data


async def test_file_of_a_private_channel_is_not_for_outsiders(shared_workspace: Workspace) -> None:
    file_id = await shared_workspace.upload("ada", "people-ops", "pay.txt", b"secret")
    url = (await shared_workspace.bot().files_info(file=file_id)).get("file", {})["url_private"]
    _, kind, data = await _download(url, shared_workspace.tokens["users"]["sam"]["token"])
    assert (kind, b"secret" in data) == ("text/html", False)


async def test_app_without_files_read_gets_the_sign_in_page(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("scopes")
    manifest = folder / "manifest.json"
    manifest.write_text(
        '{"oauth_config": {"scopes": {"bot": ["chat:write"]}}, "settings": {"event_subscriptions": {"bot_events": []}}}'
    )
    async with running_workspace(folder / "workspace", "--manifest", str(manifest)) as workspace:
        file_id = await workspace.upload("ada", "general", "a.txt", b"x")
        url = (await workspace.person("ada").files_info(file=file_id)).get("file", {})["url_private"]
        _, kind, _ = await _download(url, workspace.bot_token)
    assert kind == "text/html"


async def test_deleted_file_is_told_to_the_app_and_leaves_a_tombstone(shared_workspace: Workspace) -> None:
    file_id = await shared_workspace.upload("ada", "general", "a.txt", b"x")
    async with connected_app(shared_workspace) as app:
        await shared_workspace.person("ada").files_delete(file=file_id)
        told = (await app.heard("file_deleted"))["event"]
    assert told["file_id"] == file_id
    left = [file for said in await shared_workspace.visible_messages("general") for file in said.get("files", [])]
    assert {"id": file_id, "mode": "tombstone"} in left
    with pytest.raises(SlackApiError, match="file_deleted"):
        await shared_workspace.bot().files_info(file=file_id)


async def test_file_is_deleted_by_its_owner_alone(shared_workspace: Workspace) -> None:
    file_id = await shared_workspace.upload("ada", "general", "a.txt", b"x")
    with pytest.raises(SlackApiError, match="cant_delete_file"):
        await shared_workspace.person("jonas").files_delete(file=file_id)
    assert (await shared_workspace.bot().files_info(file=file_id)).get("ok")


async def _download(url: str, token: str) -> tuple[int, str, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Authorization": f"Bearer {token}"}) as response,
    ):
        return response.status, response.content_type, await response.read()
