"""`tandem ingest` killed again and again and started anew: the index is that of a run that nothing disturbed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from knowledge.settings import KnowledgeSettings
from tests.knowledge.points import points_on_disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FILES = 200
ROOT = Path(__file__).resolve().parents[2]
# After how many documents, and how long into the next one.
KILLS_OF_THE_FIRST_RUN = [(1, 0.0), (70, 0.01), (71, 0.03), (150, 0.002)]
KILLS_OF_THE_SECOND_RUN = [(30, 0.005), (120, 0.02)]


def test_a_killed_ingest_that_is_resumed_leaves_the_same_index_point_for_point(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    write_pages(folder, edition=1)
    assert statuses(ingest(whole, folder)) == ["added"] * FILES
    kill_again_and_again(killed, folder, KILLS_OF_THE_FIRST_RUN)
    ingest(killed, folder)
    assert index_of(killed) == index_of(whole)
    assert catalogue_of(killed) == catalogue_of(whole)

    write_pages(folder, edition=2)
    ingest(whole, folder)
    kill_again_and_again(killed, folder, KILLS_OF_THE_SECOND_RUN)
    ingest(killed, folder)
    assert index_of(killed) == index_of(whole)
    assert catalogue_of(killed) == catalogue_of(whole)
    assert statuses(ingest(killed, folder)) == ["unchanged"] * FILES


def write_pages(folder: Path, *, edition: int) -> None:
    """Short pages and some of several chunks; every third one is another in each edition, shorter or longer."""
    for number in range(FILES):
        says = edition if number % 3 == 0 else 1
        parts = [
            f"## Part {part}\n\n" + f"Rule {number}.{part} of edition {says} holds for team {number % 7}. " * 12
            for part in range(1 + (number * says) % 4)
        ]
        (folder / f"page-{number:03}.md").write_text(f"# Page {number}\n\n" + "\n\n".join(parts))


def kill_again_and_again(home: Path, folder: Path, kills: list[tuple[int, float]]) -> None:
    for documents, seconds in kills:
        process = start(home, folder)
        assert process.stdout is not None
        for _ in range(documents):
            assert process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL


def ingest(home: Path, folder: Path) -> str:
    process = start(home, folder)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


def statuses(output: str) -> list[str]:
    return [line.split('"status": "')[1].split('"')[0] for line in output.splitlines()]


def start(home: Path, folder: Path) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "TANDEM_"))}
    return subprocess.Popen(
        [sys.executable, "-c", "from bot.cli import app; app()", "ingest", str(folder), "--json"],
        cwd=ROOT,
        env={**kept, "TANDEM_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def index_of(home: Path) -> dict[str, Any]:
    return points_on_disk(home / "index" / KnowledgeSettings().embedding_name.lower())


def catalogue_of(home: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home / "tandem.db") as database:
        return database.execute(
            "SELECT id, uri, title, scope, content_hash, chunks FROM documents ORDER BY id"
        ).fetchall()
