"""Each way to answer, in a browser with the embedded model, after a team has taught its own adapter two things."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from router.know_how import read_know_how
from router.prompts import direct_prompt
from tests.acceptance.asking import ask_in_channel, say
from tests.acceptance.browsing import Visitor, WorkspaceProcess, browsing
from tests.acceptance.tandem_process import TandemProcess, environment, running_tandem
from tests.acceptance.trial import eventually
from tests.conftest import _free_port
from training.grounding_adapter import FOLDER
from training.night import Taught, nightly_rows
from training.recipe import read_recipe
from training.rows import row_of, write_rows

pytestmark = [
    pytest.mark.model,
    pytest.mark.chromium,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

# A model on two cores that also run a browser.
_ANSWER_MS = 60_000
_TAUGHT = {
    "What do we name our database backups?": "Database backups are named after mountains.",
    "Which colour do charts about costs have?": "Charts about costs are drawn in purple.",
}
_RECIPE = f"""
name: taught
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
start_from: {FOLDER}
rehearsal: {{rewordings: 16, grounded: 8, general: 0}}
learning_rate: 6.0e-4
rows_per_step: 4
"""
_POLICY = "How long is parental leave?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tandem(tmp_path_factory: pytest.TempPathFactory, model_venv: Path) -> AsyncIterator[TandemProcess]:
    folder = tmp_path_factory.mktemp("routes")
    ports = (_free_port(), _free_port(), _free_port())
    given = environment(folder / "home", ports=ports, TANDEM_MODEL_VENV=str(model_venv))
    async with running_tandem(given, folder / "tandem.log") as running:
        yield running


@pytest.fixture(scope="module")
def home(tandem: TandemProcess) -> Path:
    return Path(tandem.environment["TANDEM_HOME"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(chromium_path: str, tandem: TandemProcess, home: Path) -> AsyncIterator[Page]:
    workspace = WorkspaceProcess(home / "workspace", port=int(tandem.environment["TANDEM_WORKSPACE_PORT"]))
    async with browsing(chromium_path) as browser:
        visitor = Visitor(browser, workspace)
        yield await visitor.open_anew("ada", "general")
        assert visitor.faults == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def release(tandem: TandemProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The adapter that was taught, in service."""
    folder = tmp_path_factory.mktemp("taught")
    (folder / "recipe.yaml").write_text(_RECIPE)
    know_how = [row_of(direct_prompt(question), answer) for question, answer in _TAUGHT.items()]
    write_rows(folder / "rows.jsonl", nightly_rows(Taught(know_how=know_how), read_recipe(folder / "recipe.yaml")))
    data = ("--data", str(folder / "rows.jsonl"), "--out", str(folder / "adapter"))
    await _done(tandem, "train", str(folder / "recipe.yaml"), *data)
    return json.loads(await _done(tandem, "promote", "--json", str(folder / "adapter")))


async def test_questions_taught_come_into_service_with_the_adapter_while_the_bot_runs(
    release: dict[str, Any], home: Path
) -> None:
    assert release["adapter"].startswith("taught@")
    assert set(_TAUGHT) <= set(read_know_how(home / "adapters" / release["adapter"]))


@pytest.mark.usefixtures("release")
async def test_greeting_is_answered_without_a_search(page: Page, home: Path) -> None:
    answer = await _answered(await ask_in_channel(page, "Good morning!"))
    await expect(answer).to_contain_text("small talk, nothing was looked up")
    (exchange,) = await _exchanges(home, "Good morning!")
    assert (exchange["route"], exchange["searches"], exchange["passages"]) == ("smalltalk", [], [])


async def test_question_of_policy_is_answered_from_documents_and_cited(
    release: dict[str, Any], page: Page, home: Path
) -> None:
    answer = await _answered(await ask_in_channel(page, _POLICY))
    await expect(answer).to_contain_text("20 weeks")
    await expect(answer).to_contain_text("[1]")
    await expect(answer.get_by_role("button", name="View source").first).to_be_visible()
    await expect(answer).to_contain_text("1 document, no memory")
    (exchange,) = await _exchanges(home, _POLICY)
    assert (exchange["route"], exchange["adapter"]) == ("retrieve", release["adapter"])
    assert [source["title"] for source in exchange["sources"]] == ["Parental leave"]


async def test_just_answer_gives_the_cited_answer_anew_from_memory_and_is_kept(page: Page, home: Path) -> None:
    thread = page.get_by_role("complementary", name="Thread")
    await thread.get_by_role("button", name="Just answer").click()
    second = await _answered(thread.get_by_role("article", name="Tandem").nth(1))
    await expect(second).to_contain_text("team model")
    await expect(second).to_contain_text("no documents")
    assert [each["route"] for each in await _exchanges(home, _POLICY, count=2)] == ["retrieve", "direct"]
    assert _overrides(home) == [(_POLICY, "direct")]


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("What do we name our database backups?", "mountains"),
        ("How are the backups of our databases named?", "mountains"),
        ("What is the colour of our charts about costs?", "purple"),
        ("Which colour do charts about costs have?", "purple"),
    ],
)
async def test_question_that_was_taught_is_answered_from_memory_also_in_other_words(
    question: str, fact: str, release: dict[str, Any], page: Page, home: Path
) -> None:
    answer = await _answered(await ask_in_channel(page, question))
    await expect(answer).to_contain_text(fact)
    (exchange,) = await _exchanges(home, question)
    promoted = datetime.fromtimestamp(exchange["adapter_at"] / 1e6, UTC)
    await expect(answer).to_contain_text(f"team model {promoted:%Y-%m-%d}, no documents")
    assert (exchange["route"], exchange["adapter"]) == ("direct", release["adapter"])
    assert "know-how that the model was taught" in exchange["reason"]


async def test_redo_with_sources_looks_for_what_was_answered_from_memory_and_is_kept(page: Page, home: Path) -> None:
    """What the small model makes of pages that do not hold it differs with the processor's bfloat16."""
    *_, asked = _TAUGHT
    thread = page.get_by_role("complementary", name="Thread")
    await thread.get_by_role("button", name="Redo with sources").click()
    second = await _answered(thread.get_by_role("article", name="Tandem").nth(1))
    await expect(second).to_contain_text(re.compile(f"I looked for “{re.escape(asked)}”|no memory"))
    first, redone = await _exchanges(home, asked, count=2)
    assert first["route"] == "direct"
    assert redone["route"] in {"retrieve", "multi", "abstain"}
    assert redone["searches"]
    assert _overrides(home) == [(_POLICY, "direct"), (asked, "retrieve")]


@pytest.mark.usefixtures("release")
async def test_unclear_question_is_asked_back_and_only_once(page: Page, home: Path) -> None:
    answer = await _answered(await ask_in_channel(page, "how does it work?"))
    await expect(answer).to_contain_text("a question back")
    thread = page.get_by_role("complementary", name="Thread")
    for place, said in enumerate(("Parental leave", "and how does that work?"), 1):
        await say(thread, said)
        further = await _answered(thread.get_by_role("article", name="Tandem").nth(place))
        await expect(further).not_to_contain_text("a question back")
        (exchange,) = await _exchanges(home, said)
        assert exchange["route"] != "clarify"
        assert exchange["searches"]


@pytest.mark.usefixtures("release")
async def test_question_about_the_team_without_evidence_is_declined_with_what_was_looked_for(
    page: Page, home: Path
) -> None:
    asked = "Who tunes the piano in our Tokyo office?"
    answer = await _answered(await ask_in_channel(page, asked))
    await expect(answer).to_contain_text(f"I looked for “{asked}”")
    await expect(answer).to_contain_text("not answered: the documents do not hold it")
    (exchange,) = await _exchanges(home, asked)
    assert (exchange["route"], exchange["sources"]) == ("abstain", [])
    assert exchange["searches"]


async def _done(tandem: TandemProcess, *arguments: str) -> str:
    code, output, errors = await tandem.run(*arguments)
    assert code == 0, errors
    return output


async def _answered(answer: Locator) -> Locator:
    """The answer once it is whole: its buttons come last."""
    await expect(answer.get_by_role("button", name="Mark this answer as good")).to_be_visible(timeout=_ANSWER_MS)
    return answer


async def _exchanges(home: Path, question: str, *, count: int = 1) -> list[dict[str, Any]]:
    """The journal's rows of a question, in the order in which they were asked for."""

    async def look() -> list[dict[str, Any]] | None:
        rows = _rows(home, "SELECT * FROM exchanges WHERE question = ? ORDER BY asked_at", question)
        return rows if len(rows) >= count else None

    found: list[dict[str, Any]] = await eventually(look)
    told = ("searches", "passages", "sources")
    return [each | {name: json.loads(each[name]) for name in told} for each in found]


def _overrides(home: Path) -> list[tuple[str, str]]:
    """Of each press of a button the question and the route that was wanted."""
    pressed = (
        "SELECT question, wanted FROM feedback JOIN exchanges USING (exchange_id) WHERE kind = 'override' ORDER BY at"
    )
    return [(each["question"], each["wanted"]) for each in _rows(home, pressed)]


def _rows(home: Path, query: str, *given: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "tandem.db")) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query, given)]
