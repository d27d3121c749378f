"""`tandem run` from start to end, with the real model: what it starts, what it leaves, and the commands beside it."""

import contextlib
import json
import signal
import sqlite3
from pathlib import Path

import pytest
import pytest_asyncio

from bot import processes
from tests.acceptance.tandem_process import environment, running_tandem
from tests.conftest import _free_port

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]

PAGE = "# Tea kitchen\n\nThe kettle is descaled every second Friday. Marta orders the vinegar.\n"


@pytest.fixture(scope="module")
def given(tmp_path_factory, model_venv):
    home = tmp_path_factory.mktemp("run") / "home"
    ports = (_free_port(), _free_port(), _free_port())
    return environment(home, ports=ports, TANDEM_MODEL_VENV=str(model_venv))


@pytest.fixture(scope="module")
def home(given):
    return Path(given["TANDEM_HOME"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tandem(given, tmp_path_factory):
    async with running_tandem(given, tmp_path_factory.mktemp("log") / "tandem.log") as tandem:
        yield tandem


async def test_question_about_the_sample_is_answered_with_its_source(tandem):
    code, output, errors = await tandem.run("ask", "--json", "How long is parental leave?")
    assert code == 0, errors
    answer = json.loads(output)
    assert answer["route"] == "retrieve"
    assert "20 weeks" in answer["answer"]
    assert answer["sources"][0]["title"] == "Parental leave"
    assert abs(sum(answer["probabilities"].values()) - 1) < 0.01
    assert "@" in answer["model"]


async def test_document_taken_in_twice_changes_nothing_and_is_found(tandem, tmp_path):
    page = tmp_path / "tea.md"
    page.write_text(PAGE)
    first = json.loads((await tandem.run("ingest", "--json", str(page)))[1])
    second = json.loads((await tandem.run("ingest", "--json", str(page)))[1])
    _, output, _ = await tandem.run("search", "--json", "who buys vinegar", "-k", "1")
    assert (first["status"], second["status"]) == ("added", "unchanged")
    assert json.loads(output)[0]["title"] == "Tea kitchen"


async def test_private_document_is_not_found_by_the_public(tandem, tmp_path):
    page = tmp_path / "secret.md"
    page.write_text("# Reorganisation\n\nThe Lisbon office closes in the spring.\n")
    await tandem.run("ingest", "--json", "--audience", "channel:C0SECRET", str(page))
    _, public, _ = await tandem.run("search", "--json", "Lisbon office closes")
    _, private, _ = await tandem.run("search", "--json", "Lisbon office closes", "--audience", "channel:C0SECRET")
    assert "Lisbon" not in public
    assert "Lisbon" in private


async def test_private_channels_document_answers_its_members_alone(tandem, home, tmp_path):
    page = tmp_path / "zeppelin.md"
    page.write_text("# Zeppelin budget\n\nThe zeppelin costs 84,300 euros a year.\n")
    await tandem.run("ingest", "--json", "--audience", f"channel:{_channel_id(home, 'people-ops')}", str(page))

    async def titles_shown_to(person: str) -> list[str]:
        _, output, _ = await tandem.run(
            "ask", "--json", "--as", person, "--route", "retrieve", "What does the zeppelin cost?"
        )
        return [source["title"] for source in json.loads(output)["sources"]]

    assert await titles_shown_to("ada") == ["Zeppelin budget"]
    assert "Zeppelin budget" not in await titles_shown_to("sam")


async def test_second_bot_in_the_same_folder_is_refused_in_one_line(tandem):
    code, _, errors = await tandem.run("run")
    assert code == 1
    assert "already runs" in errors
    assert errors.count("\n") == 1


async def test_doctor_finds_nothing_wrong(tandem):
    code, output, _ = await tandem.run("doctor", "--json")
    findings = {finding["part"]: finding["text"] for finding in json.loads(output)}
    assert code == 0, findings
    assert "@" in findings["adapter"]


async def test_killed_bot_leaves_a_model_server_that_the_next_one_takes_over_and_ends(tandem, given, home, tmp_path):
    server = processes.recorded(home / "run" / "model-server.json")
    workspace = processes.recorded(home / "run" / "workspace.json")
    await tandem.end(signal.SIGKILL)
    assert server is not None
    assert server.alive
    async with running_tandem(given, tmp_path / "again.log") as again:
        assert processes.recorded(home / "run" / "model-server.json") == server
        assert again.process.returncode is None
        code = await again.end(signal.SIGINT)
    assert code == 0
    assert not server.alive
    assert workspace is not None
    assert not workspace.alive


async def test_search_works_while_no_bot_runs(tandem):
    code, output, errors = await tandem.run("search", "--json", "descaling the kettle", "-k", "1")
    assert code == 0, errors
    assert json.loads(output)[0]["title"] == "Tea kitchen"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TANDEM_WORKSPACE_PORT": "none"}, "TANDEM_WORKSPACE_PORT"),
        ({"TANDEM_MODEL_VENV": "/nowhere"}, "make install"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN"),
        ({"TANDEM_DATABASE_URL": "mysql://host/name"}, "TANDEM_DATABASE_URL"),
    ],
)
async def test_wrong_setting_is_one_line_that_names_it(given, tmp_path, changed, said):
    tried = {**given, "TANDEM_HOME": str(tmp_path), **changed}
    log = tmp_path / "tried.log"
    with pytest.raises(AssertionError, match="tandem run ended"):
        async with running_tandem(tried, log):
            pass
    lines = [line for line in log.read_text().splitlines() if line.startswith("tandem:")]
    assert len(lines) == 1
    assert said in lines[0]
    assert "Traceback" not in log.read_text()


async def test_unreadable_places_are_said_and_nothing_else_breaks(tandem, tmp_path):
    page = tmp_path / "fine.md"
    page.write_text("# Fine\n\nAll is well.\n")
    code, output, _ = await tandem.run("ingest", "--json", str(tmp_path / "missing.md"), str(page))
    results = [json.loads(line) for line in output.splitlines()]
    assert code == 1
    assert [result["status"] for result in results] == ["failed", "added"]
    assert results[0]["error"]


def _channel_id(home: Path, name: str) -> str:
    with contextlib.closing(sqlite3.connect(home / "workspace" / "workspace.sqlite3")) as state:
        return state.execute("SELECT id FROM channels WHERE name = ?", (name,)).fetchone()[0]
