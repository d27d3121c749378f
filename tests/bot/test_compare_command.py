"""`tandem compare` as it is typed, over documents that its questions bring along, with a scripted model server."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.assembly import load_configuration, open_database
from router.releases import Release, Releases
from router.settings import RouterSettings
from tests.router.fakes import ScriptedModel
from tests.training.trained import trained

_ROOT = Path(__file__).resolve().parents[2]
_BASE = RouterSettings().model_name
_LINES = [
    {
        "question": "In which year was the Sallow bridge opened?",
        "answers": ["1907"],
        "documents": [
            {"title": "Sallow bridge", "text": "The Sallow bridge was opened in the year 1907 by the mayor."}
        ],
    },
    {
        "question": "How many lanes does the Sallow bridge have?",
        "answers": ["two"],
        "documents": [{"title": "Lanes", "text": "The Sallow bridge carries two lanes and a walk for pedestrians."}],
    },
    {"question": "Who painted the Sallow bridge?", "answerable": False},
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in _LINES))
    return tmp_path


async def _begun(place: Path, *options: str, url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.cli", "compare", "questions.jsonl", "--json", *options,
        cwd=place, env={**os.environ, "PYTHONPATH": str(_ROOT), "TANDEM_MODEL_URL": url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _compare(place: Path, *options: str, url: str = "http://127.0.0.1:9") -> tuple[int, str, str]:
    process = await _begun(place, *options, url=url)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def _put_in_service(place: Path) -> None:
    folder = trained(place / "adapter", weight=1, learnt=())
    async with open_database(load_configuration()) as engine:
        release = Release(adapter="team@1", path=str(folder), base=_BASE, promoted_at=datetime.now(UTC))
        await Releases(engine).put_in_service(release)


@pytest.mark.slow
async def test_four_ways_answer_and_nothing_of_it_stays(place: Path) -> None:
    await _put_in_service(place)
    before = sorted(path.name for path in (place / "home").iterdir())

    async with ScriptedModel(reply="It was opened in 1907 [1].", names=[_BASE]).running() as model:
        code, out, err = await _compare(place, "--plot", "f1.svg", url=model.url)

    assert code == 0, err
    told = json.loads(out)
    assert (told["questions"], told["answerable"], told["documents"]) == (3, 2, "given")
    assert {arm: each["contained"]["mean"] for arm, each in told["arms"].items()} == dict.fromkeys(told["arms"], 0.5)
    assert {arm: each["citation_precision"] is not None for arm, each in told["arms"].items()} == {
        "base": False, "fine-tuned": False, "retrieval": True, "both": True,
    }  # fmt: skip
    assert {asked["model"] for asked in model.requests} == {_BASE, "team@1"}
    assert (place / "f1.svg").read_text().count("<circle") == 4
    assert sorted(path.name for path in (place / "home").iterdir()) == before
    assert not list((place / "tmp").glob("tandem-*"))


@pytest.mark.slow
async def test_ended_by_the_machine_it_leaves_nothing_of_the_teams_behind(place: Path) -> None:
    await _put_in_service(place)

    async with ScriptedModel(mode="hanging", names=[_BASE]).running() as model:
        process = await _begun(place, url=model.url)
        async with asyncio.timeout(60):
            while not model.requests:
                await asyncio.sleep(0.1)
        assert list((place / "tmp").glob("tandem-compare-*"))
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.wait_for(process.communicate(), 20)

    assert (process.returncode, out) == (143, b"")
    assert b"Traceback" not in err
    assert not list((place / "tmp").glob("tandem-*"))


async def test_without_an_adapter_in_service_there_is_nothing_to_compare(place: Path) -> None:
    code, out, err = await _compare(place)

    assert (code, out) == (1, "")
    assert "no adapter is in service" in err


async def test_plot_that_cannot_be_written_is_told_before_anything_is_asked(place: Path) -> None:
    await _put_in_service(place)
    async with ScriptedModel(names=[_BASE]).running() as model:
        code, _, err = await _compare(place, "--plot", "nowhere/f1.svg", url=model.url)

    assert code == 1
    assert "nowhere" in err
    assert "Traceback" not in err
    assert not model.requests
