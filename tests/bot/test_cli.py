"""What the commands do beside printing: the composition root's own steps."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import create_engine, insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from typer.testing import CliRunner, Result

from bot import adapter_commands, cli, command_line, control
from bot.night_stages import export_nightly
from knowledge.beir.dataset import CorpusDocument, Dataset, Query, write_dataset
from router import tables as router_tables
from router.decisions import Decision, Route
from router.exchanges import Exchange
from router.feedback import Feedback
from router.journal import _exchange_row, _feedback_row
from tests.bot.fakes import parts_of
from tests.bot.test_control import Scripted
from tests.conftest import _free_port
from tests.training.fakes import ServerWithAdapters
from training import tables as training_tables
from training.settings import TrainingSettings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(router_tables.metadata.create_all)
        await connection.run_sync(training_tables.metadata.create_all)
    yield engine
    await engine.dispose()


def _tandem(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def _open_to_others(folder: Path) -> list[str]:
    return [place.name for place in folder.rglob("*") if stat.S_IMODE(place.stat().st_mode) & 0o077]


def test_what_a_command_writes_is_closed_to_other_users(home, tmp_path):
    told = _tandem("export", "--out", str(tmp_path / "out"))
    assert told.exit_code == 0, told.output
    assert (home / "tandem.db").exists()
    assert _open_to_others(home) == []
    assert _open_to_others(tmp_path / "out") == []


@pytest.mark.parametrize("arguments", [[], ["--out", "out", "--catch-up"], ["--catch-up", "--since", "2026-11-01"]])
def test_export_wants_one_window_or_all_days(home, arguments):
    told = _tandem("export", *arguments)
    assert told.exit_code == 1
    assert "--catch-up" in told.stderr


def test_export_of_a_window_that_ends_before_it_begins_is_refused(home, tmp_path):
    told = _tandem("export", "--out", str(tmp_path / "out"), "--since", "2031-01-01", "--until", "2020-01-01")
    assert told.exit_code == 1
    assert "2031-01-01" in told.stderr
    assert not (tmp_path / "out").exists()


def test_export_to_what_is_no_folder_is_refused(home, tmp_path):
    (tmp_path / "out").write_text("mine")
    told = _tandem("export", "--out", str(tmp_path / "out"))
    assert told.exit_code == 1
    assert "no folder" in told.stderr


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize("text", ["", " \n"])
def test_empty_question_is_refused_at_once(command, text):
    # There is no home, and nobody is asked.
    told = _tandem(command, text)
    assert told.exit_code == 1
    assert len(told.stderr.splitlines()) == 1


def test_folder_without_documents_is_said_to_hold_none(home, tmp_path):
    (tmp_path / "empty").mkdir()
    told = _tandem("ingest", str(tmp_path / "empty"))
    assert told.exit_code == 0
    assert "no document was found" in told.stderr


def test_wrong_recipe_is_said_before_the_trainer_is_loaded(tmp_path):
    (tmp_path / "recipe.yaml").write_text("name: x\nbase_model: tiny\ncolour: red\n")
    code = "import sys; sys.modules['torch'] = None; from bot.cli import app; app()"
    command = [sys.executable, "-c", code, "train", str(tmp_path / "recipe.yaml"), "--data", "rows", "--out", "out"]
    environment = {**os.environ, "TANDEM_HOME": str(tmp_path / "home")}
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert told.returncode == 1
    assert "wrong at colour: there is no such field" in told.stderr


def test_export_that_finds_nothing_new_says_so(home):
    told = _tandem("export", "--catch-up")
    assert told.exit_code == 0, told.output
    assert "no day that is over" in told.output
    assert _open_to_others(home) == []


def _corrected(home: Path) -> None:
    """One exchange with a correction that waits."""
    _tandem("corrections", "list")
    at = datetime(2026, 3, 1, tzinfo=UTC)
    engine = create_engine(f"sqlite:///{home / 'tandem.db'}")
    with engine.begin() as connection:
        connection.execute(insert(router_tables.exchanges), [_exchange_row(_exchange(at))])
        event = Feedback(
            feedback_id="f1", exchange_id="x1", person="U1", kind="correction", correction="Eighteen.", at=at
        )
        connection.execute(insert(router_tables.feedback), [_feedback_row(event)])
    engine.dispose()


def test_correction_waits_until_it_is_reviewed(home):
    _corrected(home)
    (waiting,) = json.loads(_tandem("corrections", "list", "--json").stdout)
    assert (waiting["id"], waiting["should_say"], waiting["said"]) == ("f1", "Eighteen.", "Sixteen weeks.")
    approved = _tandem("corrections", "approve", "f1", "--as", "know-how", "--json")
    assert json.loads(approved.stdout)["verdict"] == "know_how"
    assert json.loads(_tandem("corrections", "list", "--json").stdout) == []


class TakingIn(Scripted):
    """A running bot that takes in whatever it is told to, or nothing."""

    def __init__(self, status: str = "added") -> None:
        super().__init__()
        self.status = status
        self.taken: list[tuple[str, str]] = []

    async def ingest(self, places, *, scope, whole_site=False):
        self.taken += [(Path(place).read_text(), scope) for place in places]
        yield {"uri": places[0], "status": self.status, "chunks": 1, "error": "the index is away"}


async def test_approved_fact_is_in_the_documents_for_those_who_could_read_the_answer(home):
    await asyncio.to_thread(_corrected, home)
    async with control.serving(home, bot := TakingIn()):
        approve = ["corrections", "approve", "f1", "--as", "fact", "--json"]
        told = await asyncio.to_thread(_tandem, *approve)
        other = await asyncio.to_thread(_tandem, *approve, "--audience", "channel:C9")
    assert json.loads(told.stdout)["verdict"] == "fact", told.output
    assert other.exit_code == 0
    assert bot.taken == [("# How long?\n\nEighteen.\n", "public"), ("# How long?\n\nEighteen.\n", "channel:C9")]
    assert _open_to_others(home) == []


async def test_fact_that_could_not_be_taken_in_waits_for_another_review(home):
    await asyncio.to_thread(_corrected, home)
    async with control.serving(home, TakingIn("failed")):
        told = await asyncio.to_thread(_tandem, "corrections", "approve", "f1", "--as", "fact")
    assert told.exit_code == 1
    assert "the index is away" in told.stderr
    assert len(json.loads((await asyncio.to_thread(_tandem, "corrections", "list", "--json")).stdout)) == 1


@pytest.mark.parametrize("arguments", [["approve", "f9", "--as", "fact"], ["reject", "f9"]])
def test_correction_that_is_not_there_is_named(home, arguments):
    told = _tandem("corrections", *arguments)
    assert told.exit_code == 1
    assert "f9" in told.stderr


def test_person_can_opt_out_and_in_again(home):
    assert _tandem("consent", "opt-out", "U7").exit_code == 0
    assert json.loads(_tandem("consent", "list", "--json").stdout) == ["U7"]
    assert _tandem("consent", "opt-in", "U7").exit_code == 0
    assert json.loads(_tandem("consent", "list", "--json").stdout) == []


@pytest.mark.parametrize("person", ["nonsense", "@ada", "", "u7", "U7 U8", "<@U7", "C7", "U7\n", "<@U7|<@U8>"])
def test_nobody_is_told_that_nothing_is_learnt_from_what_is_no_person(home, person):
    told = _tandem("consent", "opt-out", person)
    assert told.exit_code == 1
    assert told.stdout == ""
    assert "Copy member ID" in told.stderr
    assert json.loads(_tandem("consent", "list", "--json").stdout) == []


def test_person_who_opts_out_or_in_is_told_as_json_too(home):
    for command, opted_out in (("opt-out", True), ("opt-in", False)):
        told = json.loads(_tandem("consent", command, "<@W7ABC>", "--json").stdout)
        assert told == {"person": "W7ABC", "opted_out": opted_out}


def test_name_that_was_opted_out_as_if_it_were_an_id_can_be_taken_off_the_list(home):
    _tandem("consent", "list")
    engine = create_engine(f"sqlite:///{home / 'tandem.db'}")
    with engine.begin() as connection:
        connection.execute(
            insert(training_tables.training_opt_outs), [{"person": "@ada", "at": datetime(2026, 3, 1, tzinfo=UTC)}]
        )
    engine.dispose()
    assert _tandem("consent", "opt-in", "@ada").exit_code == 0
    assert json.loads(_tandem("consent", "list", "--json").stdout) == []
    assert _tandem("consent", "opt-in", "@ada").exit_code == 1


def test_wrong_training_switch_stops_the_start_and_not_the_first_night(home, monkeypatch, levels):
    monkeypatch.setenv("TANDEM_TRAINING_ENABLED", "yess")
    told = _tandem("run")
    assert told.exit_code == 1
    assert "TANDEM_TRAINING_ENABLED" in told.stderr


def test_port_of_http_mode_that_is_taken_is_named_before_anything_starts(home, monkeypatch, levels):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        for name, value in {
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": "8f742231",
            "TANDEM_SLACK_PORT": port,
            "TANDEM_HEALTH_PORT": str(_free_port()),
        }.items():
            monkeypatch.setenv(name, value)
        told = _tandem("run")
    assert told.exit_code == 1
    assert f"port {port} is in use" in told.stderr
    assert "TANDEM_SLACK_PORT" in told.stderr
    assert not (home / "tandem.db").exists()


def test_home_that_cannot_be_made_is_a_finding_of_doctor(home, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "file" / "home"))
    told = _tandem("doctor", "--json")
    assert told.exit_code == 1
    (finding,) = json.loads(told.stdout)
    assert not finding["ok"]
    assert "TANDEM_HOME" in finding["text"]


def test_index_that_is_empty_is_not_copied_and_says_so(home):
    told = _tandem("index", "migrate", "--to", "http://127.0.0.1:9", "--json")
    assert told.exit_code == 1
    assert "nothing to copy" in told.stderr


def test_copy_to_a_server_that_is_away_names_the_setting(home):
    told = _tandem("index", "migrate", "--from", "http://127.0.0.1:9", "--to", "embedded")
    assert told.exit_code == 1
    assert "Qdrant server does not answer" in told.stderr


async def test_index_is_not_copied_while_the_bot_runs(home):
    async with control.serving(home, Scripted()):
        told = await asyncio.to_thread(_tandem, "index", "migrate", "--to", "http://127.0.0.1:9")
    assert told.exit_code == 1
    assert "stop it first" in told.stderr


def test_train_without_the_trainer_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['peft'] = None; from bot.cli import app; app()"
    command = [
        sys.executable,
        "-c",
        code,
        "train",
        "training/recipes/grounding.yaml",
        "--data",
        "rows.jsonl",
        "--out",
        str(tmp_path / "out"),
    ]
    environment = {**os.environ, "TANDEM_HOME": str(tmp_path / "home")}
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert told.returncode == 1
    assert "make install" in told.stderr
    assert "peft" in told.stderr


def test_promote_without_a_model_server_says_how_to_start_one(home, monkeypatch, tmp_path):
    monkeypatch.setenv("TANDEM_MODEL_PORT", str(_free_port()))
    told = _tandem("promote", str(tmp_path))
    assert told.exit_code == 1
    assert "tandem run" in told.stderr


def test_promote_without_the_model_server_that_is_set_names_the_setting(home, monkeypatch, tmp_path):
    monkeypatch.setenv("TANDEM_MODEL_URL", f"http://127.0.0.1:{_free_port()}")
    told = _tandem("promote", str(tmp_path))
    assert told.exit_code == 1
    assert "TANDEM_MODEL_URL" in told.stderr


def test_database_that_fails_on_the_way_is_one_line(home, capsys):
    def fail() -> None:
        raise OperationalError("SELECT canary", {}, Exception("disk I/O error"))

    with pytest.raises(typer.Exit):
        command_line.plainly(fail)
    (line,) = capsys.readouterr().err.splitlines()
    assert "tandem doctor" in line
    assert "canary" not in line


async def test_vote_of_a_later_day_is_in_the_next_nightly_export(engine, tmp_path):
    parts = parts_of(home=tmp_path, engine=engine, model_url="http://127.0.0.1:1")
    asked_at, on = datetime(2026, 3, 2, 15, tzinfo=UTC), TrainingSettings(training_enabled=True)
    await parts.journal.record(_exchange(asked_at))

    await export_nightly(engine, tmp_path / "exports", datetime(2026, 3, 3, 2, tzinfo=UTC), on)
    before = _labels(tmp_path / "exports" / "2026-03-02")
    await parts.journal.add_feedback(
        Feedback(
            feedback_id="f1",
            exchange_id="x1",
            person="U1",
            kind="vote_down",
            correction="",
            at=asked_at + timedelta(days=5),
        )
    )
    await export_nightly(engine, tmp_path / "exports", datetime(2026, 3, 8, 2, tzinfo=UTC), on)
    await parts.model.aclose()

    assert before == []
    assert _labels(tmp_path / "exports" / "2026-03-02") == [False]


def _labels(folder: Path) -> list[bool]:
    lines = [line for path in folder.rglob("kto.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line)["label"] for line in lines]


def _exchange(asked_at: datetime) -> Exchange:
    return Exchange(
        exchange_id="x1",
        asked_at=asked_at,
        team="T1",
        channel="C1",
        asker="U1",
        scopes=frozenset({"public"}),
        question="How long?",
        thread=(),
        prompt=({"role": "user", "content": "How long?"},),
        passages=(),
        decision=Decision(route=Route.DIRECT, probabilities={Route.DIRECT: 1.0}, reason="r"),
        answer="Sixteen weeks.",
        completion="Sixteen weeks.",
        sources=(),
    )


@pytest.mark.parametrize("base", ["SmolLM2-135M-Instruct", "another"])
async def test_first_adapter_that_is_refused_is_a_warning_and_the_start_goes_on(engine, tmp_path, capsys, base):
    # `deaf` is what a processor whose canaries differ looks like: the adapter is loaded, and answers otherwise.
    async with ServerWithAdapters(base=base, deaf=True).running() as server:
        parts = parts_of(home=tmp_path, engine=engine, model_url=server.url)
        await adapter_commands.put_first_in_service(parts)
        assert await parts.releases.in_service() is None
        await parts.model.aclose()
    (line,) = capsys.readouterr().err.splitlines()
    assert "the base model answers" in line


async def test_documents_that_are_set_aside_are_a_table_for_people_and_json_for_programs(home):
    async with control.serving(home, Scripted()):
        table = await asyncio.to_thread(_tandem, "documents", "list", "--failed")
        told = await asyncio.to_thread(_tandem, "documents", "list", "--failed", "--audience", "channel:C1", "--json")
    assert "https://a.example/tea" in table.stdout
    assert "I broke down." in table.stdout
    [aside] = json.loads(told.stdout)
    assert (aside["title"], aside["audience"], aside["reason"]) == ("Tea", "channel:C1", "I broke down.")


def test_retrieval_is_measured_beside_the_team_s_index_and_printed_as_one_json_object(home, tmp_path):
    told = _tandem("eval", "retrieval", str(_dataset(tmp_path)), "--json")
    assert told.exit_code == 0, told.output
    figures = json.loads(told.stdout)
    assert list(figures["modes"]) == ["dense", "bm25", "hybrid"]
    for mode in figures["modes"].values():
        assert list(mode) == ["recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "latency_ms"]
        assert mode["ndcg@10"] == 1
        assert 0 < mode["latency_ms"]["p50"] <= mode["latency_ms"]["p95"]
    assert not home.exists()


def test_retrieval_s_figures_are_a_table_for_people(home, tmp_path):
    told = _tandem("eval", "retrieval", str(_dataset(tmp_path)))
    assert told.exit_code == 0, told.output
    header, *rows = [line.split() for line in told.stdout.splitlines() if line.strip()]
    assert header == ["mode", "recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "p50", "ms", "p95", "ms"]
    assert [row[:2] for row in rows[:3]] == [["dense", "1.000"], ["bm25", "1.000"], ["hybrid", "1.000"]]


def test_data_set_that_is_not_one_is_a_line_with_the_file(home, tmp_path):
    told = _tandem("eval", "retrieval", str(tmp_path))
    assert told.exit_code == 1
    (line,) = told.stderr.split("\n")[-2:-1]
    assert f"There is no {tmp_path / 'corpus.jsonl'}" in line


def _dataset(folder: Path) -> Path:
    documents = [
        CorpusDocument(id="tea", title="Tea", text="Tea is served at four o'clock."),
        CorpusDocument(id="leave", title="Leave", text="Parental leave is sixteen weeks."),
    ]
    queries = [Query(id="1", text="When is tea served?", grades={"tea": 1})]
    write_dataset(Dataset(documents=documents, queries=queries), folder / "dataset")
    return folder / "dataset"


@pytest.mark.usefixtures("home")
def test_folder_is_one_place_whichever_folder_it_is_named_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "tea.md").write_text("# Tea\n\nAt four.")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert _tandem("ingest", "../pages").exit_code == 0
    again = _tandem("documents", "refresh", str(tmp_path / "pages"))
    assert (again.exit_code, "unchanged" in again.output) == (0, True), again.output


def test_empty_place_is_not_this_whole_folder(home: Path) -> None:
    (home.parent / "diary.md").write_text("# Diary")
    done = _tandem("ingest", "")
    assert done.exit_code == 1
    assert "an empty place was named" in done.stderr
    assert not home.exists()


@pytest.mark.parametrize("command", ["search", "ask", "ingest"])
def test_argument_that_is_not_text_is_refused_in_one_line(home: Path, command: str) -> None:
    start = [sys.executable, "-c", "from bot.cli import app; app()", command, b"odd\xff.md"]
    done = subprocess.run(start, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "bytes that are not UTF-8" in line
