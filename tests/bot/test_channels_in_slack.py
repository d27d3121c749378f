"""The real app over the local workspace: what an administrator writes, and what the channel's people then see and find."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import bot.tables
import knowledge.tables
from bot.channel_histories import ChannelHistories
from bot.service import SlackSettings, open_bot
from knowledge.audience import parse_audience
from knowledge.catalogue import Catalogue
from knowledge.edge_store import EdgeStore
from knowledge.fetching import Fetcher
from knowledge.index import PassageIndex
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings
from tests.bot.workspace.driver import Workspace, running_workspace
from tests.knowledge.fakes import WordEmbedding

pytestmark = pytest.mark.timeout(300)

_WAIT_S = 60.0


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with running_workspace(tmp_path / "workspace", "--no-rate-limits", "--ack-seconds", "20") as running:
        yield running


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(bot.tables.metadata.create_all)
        await connection.run_sync(knowledge.tables.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def library(tmp_path: Path, workspace: Workspace, engine: AsyncEngine) -> AsyncIterator[Library]:
    """Of a bot that runs in the workspace."""
    settings = KnowledgeSettings(home=tmp_path)
    index = PassageIndex(store=EdgeStore(tmp_path / "edge"), embedding=WordEmbedding(), chunk_tokens=220)
    library = Library(
        index=index, catalogue=Catalogue(engine), parser=Parser(settings), fetcher=Fetcher(settings), settings=settings
    )
    slack = SlackSettings(
        bot_token=workspace.bot_token, app_token=workspace.app_token, api_url=workspace.api_url,
        durable_url=f"sqlite:///{tmp_path / 'durable.db'}",
    )  # fmt: skip
    not_asked = cast("Any", None)
    running = await open_bot(slack, router=not_asked, library=library, journal=not_asked, engine=engine)
    await running.start()
    yield library
    await running.stop()
    await library.close()


async def _found(library: Library, audience: str = "public") -> set[str]:
    passages = await library.search("deploy on day", parse_audience(audience), limit=20)
    return {passage.text for passage in passages}


async def _until(library: Library, wanted: Callable[[set[str]], bool], audience: str = "public") -> None:
    found: set[str] = set()
    try:
        async with asyncio.timeout(_WAIT_S):
            while not wanted(found := await _found(library, audience)):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(found) from None


async def test_channel_is_taken_in_and_followed_to_the_deletion_of_its_last_message(
    workspace: Workspace, library: Library
) -> None:
    head = await workspace.post("jonas", "handbook", "We deploy on Monday.")
    await workspace.post("sam", "handbook", "Deploy on Tuesday, if Monday is off.", thread=head)
    ada, jonas = await workspace.frames("ada"), await workspace.frames("jonas")
    await workspace.command("jonas", "handbook", "/ingest", "#handbook")
    refused = await jonas.wait_for("ephemeral", timeout_s=_WAIT_S)
    assert "Only an administrator" in refused["message"]["text"]
    await workspace.command("ada", "general", "/ingest", f"<#{workspace.channel('handbook')}|handbook>")
    said = (await ada.wait_for("ephemeral", timeout_s=_WAIT_S))["message"]["text"]
    assert "Everyone in this workspace" in said
    thread = "jonas: We deploy on Monday.\n\nsam: Deploy on Tuesday, if Monday is off."
    await _until(library, lambda found: found == {thread})
    new = await workspace.post("jonas", "handbook", "No deploy on Friday.")
    await _until(library, lambda found: "jonas: No deploy on Friday." in found)
    await workspace.edit("jonas", "handbook", new, "No deploy on Sunday.")
    await _until(library, lambda found: found == {thread, "jonas: No deploy on Sunday."})
    await workspace.delete("jonas", "handbook", head)
    await _until(library, lambda found: "sam: Deploy on Tuesday, if Monday is off." in found and thread not in found)
    await workspace.delete_channel("handbook")
    await _until(library, lambda found: not found)


async def test_files_of_a_channel_are_taken_in_at_their_messages_and_go_with_them(
    workspace: Workspace, library: Library
) -> None:
    await workspace.upload("jonas", "handbook", "monday.md", b"# Plan\n\nWe deploy on Monday.", comment="The plan.")
    await workspace.upload("jonas", "handbook", "logo.png", b"\x89PNG\r\n\x1a\n")
    await workspace.command("ada", "general", "/ingest", "#handbook")
    await _until(library, lambda found: any("We deploy on Monday." in text for text in found))
    later = await workspace.upload("sam", "handbook", "friday.txt", b"No deploy on Friday.")
    await _until(library, lambda found: "No deploy on Friday." in found)
    [passage] = await library.search("deploy on Friday", parse_audience("public"), limit=1)
    [message] = [
        said for said in await workspace.visible_messages("handbook")
        if any(file["id"] == later for file in said.get("files", []))
    ]  # fmt: skip
    link = await workspace.bot().chat_getPermalink(channel=workspace.channel("handbook"), message_ts=message["ts"])
    assert passage.uri.startswith(link.get("permalink", "?"))
    await workspace.person("sam").files_delete(file=later)
    await _until(library, lambda found: "No deploy on Friday." not in found)
    [plan] = [said for said in await workspace.visible_messages("handbook") if said["text"] == "The plan."]
    await workspace.delete("jonas", "handbook", plan["ts"])
    await _until(library, lambda found: not found)


async def test_private_channel_is_for_its_own_people_and_ends_with_the_bots_leaving(
    workspace: Workspace, library: Library, engine: AsyncEngine
) -> None:
    pay, scope = workspace.channel("people-ops"), f"channel:{workspace.channel('people-ops')}"
    await workspace.post("ada", "people-ops", "We deploy pay on Monday.")
    await workspace.command("ada", "general", "/ingest", "#people-ops")
    await _until(library, lambda found: found == {"ada: We deploy pay on Monday."}, scope)
    assert await _found(library) == set()
    assert all(message["user"] != workspace.bot_user for message in await workspace.visible_messages("general"))
    await workspace.person("ada").conversations_kick(channel=pay, user=workspace.bot_user)
    async with asyncio.timeout(_WAIT_S):
        while (history := await ChannelHistories(engine).find(pay)) is None or history.is_followed:
            await asyncio.sleep(0.1)
    await workspace.person("ada").conversations_invite(channel=pay, users=workspace.bot_user)
    await workspace.post("ada", "people-ops", "We deploy pay on Friday.")
    await workspace.settled_deliveries(timeout_s=_WAIT_S)
    assert await _found(library, scope) == {"ada: We deploy pay on Monday."}
