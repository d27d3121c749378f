"""The buttons that ask for another route, pressed in the local workspace, with a scripted model behind the real router."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.acceptance.browsing import Visitor, WorkspaceProcess, browsing
from tests.acceptance.trial import Workspace, bot, eventually, shown, workspace
from tests.router.fakes import ScriptedModel

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_ASK = "@bot How many days of paid leave do I have?"
_FROM_DOCUMENTS = "You have 31 days of paid leave a year [1]."
_FROM_MEMORY = "Most people have some weeks of leave."


def _reply(messages: list[dict[str, str]]) -> str:
    prompt = messages[-1]["content"]
    if "[1]" not in prompt:
        return _FROM_MEMORY
    return "The garden on the roof is watered on Mondays [1]." if "Roof garden" in prompt else _FROM_DOCUMENTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("overrides")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(folder: Path) -> AsyncIterator[Workspace]:
    database = f"sqlite+aiosqlite:///{folder / 'tandem.db'}"
    async with (
        ScriptedModel(reply=_reply).running() as model,
        workspace(folder / "workspace", "--no-rate-limits") as started,
        bot(started, database_url=database, model_url=model.url, questions_per_minute=1_000),
    ):
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def general(place: Workspace) -> str:
    return await place.channel("general")


def _rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / "tandem.db") as database:
        return database.execute(query).fetchall()


def _overrides(folder: Path, asked: str) -> list[Any]:
    return _rows(
        folder,
        f"SELECT exchange_id, wanted FROM feedback WHERE kind = 'override' AND exchange_id LIKE '%{asked}%' ORDER BY at",
    )


async def test_just_answer_gives_one_more_answer_from_memory_and_is_kept(
    place: Workspace, general: str, folder: Path
) -> None:
    asked = await place.say(general, _ASK)
    (first,) = await place.finished(general, asked)
    await place.press(general, first, "Just answer")
    unchanged, second = await place.finished(general, asked, count=2)
    assert _FROM_DOCUMENTS in shown(unchanged)
    assert _FROM_MEMORY in shown(second)
    assert "Just answer" not in json.dumps(second["blocks"])
    assert "Redo with sources" not in json.dumps(second["blocks"])
    ((exchange_id, wanted),) = _overrides(folder, asked)
    assert (exchange_id.endswith(asked), wanted) == (True, "direct")
    routes = _rows(folder, f"SELECT route FROM exchanges WHERE exchange_id LIKE '%{asked}%' ORDER BY asked_at")
    assert routes == [("retrieve",), ("direct",)]


async def test_redo_with_sources_answers_from_documents_what_was_answered_directly(
    place: Workspace, general: str, folder: Path
) -> None:
    asked = await place.say(general, "@bot Write a haiku about a garden in autumn")
    (first,) = await place.finished(general, asked)
    assert _FROM_MEMORY in shown(first)
    await place.press(general, first, "Redo with sources")
    _, second = await place.finished(general, asked, count=2)
    assert "watered on Mondays [1]" in shown(second)
    assert "Roof garden" in shown(second)
    assert [wanted for _, wanted in _overrides(folder, asked)] == ["retrieve"]


async def test_pressed_again_or_by_another_person_both_are_kept_and_nothing_is_answered_twice(
    place: Workspace, general: str, folder: Path
) -> None:
    asked = await place.say(general, _ASK)
    (first,) = await place.finished(general, asked)
    for person in ("ada", "jonas", "ada"):
        await place.press(general, first, "Just answer", person)

    async def kept() -> bool:
        return len(_overrides(folder, asked)) == 3

    await eventually(kept)
    await place.finished(general, asked, count=2)
    later = await place.say(general, _ASK)
    await place.finished(general, later)
    assert len(await place.answers(general, asked)) == 2


async def test_guests_press_is_refused_to_them_alone_and_not_kept(place: Workspace, general: str, folder: Path) -> None:
    asked = await place.say(general, _ASK)
    (first,) = await place.finished(general, asked)
    user = place.people["jonas"]["id"]
    await place.page("people", user=user, is_restricted=True)
    try:
        async with place.watch("jonas") as frames:
            await place.press(general, first, "Just answer", "jonas")
            told = (await frames.until("ephemeral"))["message"]["text"]
    finally:
        await place.page("people", user=user, is_restricted=False)
    assert "members of this workspace only" in told
    assert len(await place.answers(general, asked)) == 1
    assert _overrides(folder, asked) == []


async def test_why_is_told_to_the_person_who_asks_alone(place: Workspace, general: str) -> None:
    asked = await place.say(general, _ASK)
    (first,) = await place.finished(general, asked)
    async with place.watch("jonas") as frames:
        await place.press(general, first, "Why this way?", "jonas")
        told = json.dumps((await frames.until("ephemeral"))["message"]["blocks"])
    assert "The documents speak to the question" in told
    assert re.search(r"from the documents: [89]\d%", told)
    assert "what the documents hold on it: +" in told
    assert "*Search 1* for" in told
    assert len(await place.answers(general, asked)) == 1


async def test_follow_up_refers_to_the_answer_that_was_wanted(place: Workspace, general: str, folder: Path) -> None:
    asked = await place.say(general, _ASK)
    (first,) = await place.finished(general, asked)
    await place.press(general, first, "Just answer")
    await place.finished(general, asked, count=2)
    await place.say(general, "And when do they expire?", thread_ts=asked)
    await place.finished(general, asked, count=3)
    ((thread,),) = _rows(folder, "SELECT thread FROM exchanges ORDER BY asked_at DESC LIMIT 1")
    assert [turn["text"] for turn in json.loads(thread)][1:] == [_FROM_MEMORY]


async def test_deleted_question_loses_its_answers_by_other_routes_too(
    place: Workspace, general: str, folder: Path
) -> None:
    asked = await place.say(general, _ASK)
    (first,) = await place.finished(general, asked)
    await place.press(general, first, "Just answer")
    answers = await place.finished(general, asked, count=2)
    assert (await place.api("chat.delete", channel=general, ts=asked))["ok"]

    async def gone() -> bool:
        history = await place.api("conversations.replies", channel=general, ts=answers[1]["ts"])
        return not any(each["ts"] == answers[1]["ts"] for each in history.get("messages", []))

    await eventually(gone)

    async def forgotten() -> bool:
        return _rows(folder, f"SELECT text FROM deliveries WHERE question_ts = '{asked}'") == [("",)]

    await eventually(forgotten)
    assert _rows(folder, f"SELECT 1 FROM exchanges WHERE exchange_id LIKE '%{asked}%'") == []
    assert _overrides(folder, asked) == []


@pytest.mark.chromium
async def test_buttons_are_shown_and_pressed_on_the_page(place: Workspace, general: str, chromium_path: str) -> None:
    asked = await place.say(general, _ASK)
    await place.finished(general, asked)
    at = WorkspaceProcess(place.home, port=int(place.address.rsplit(":", 1)[1]))
    async with browsing(chromium_path) as browser:
        visitor = Visitor(browser, at)
        page = await visitor.open_anew("ada", "general")
        await page.get_by_role("main").get_by_role("button", name="1 reply").last.click()
        thread = page.get_by_role("complementary", name="Thread")
        await thread.get_by_role("button", name="Just answer").click()
        second = thread.get_by_role("article", name="Tandem").nth(1)
        await expect(second).to_contain_text(_FROM_MEMORY)
        await expect(second.get_by_role("button", name="Mark this answer as good")).to_be_visible()
        assert visitor.faults == []
