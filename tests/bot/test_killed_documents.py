"""Processes killed while they take documents in, by the documents or in spite of them, and started again."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.knowledge.points import points_on_disk

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [f"page-{number}" for number in range(10)]
_MOST_STARTS = 12


def _start(home: Path, *, always: list[str], once: list[str]) -> tuple[int, str]:
    told = json.dumps([_PAGES, always, once])
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bot.queue_process", str(home), told],
        cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode, ended.stdout


def _start_until_done(home: Path, *, always: list[str], once: list[str]) -> tuple[int, str]:
    """How often it was killed, and what the ingest's message says in the end."""
    home.mkdir()
    for kills in range(_MOST_STARTS):
        code, said = _start(home, always=always, once=once)
        if code == 0:
            return kills, said
    raise AssertionError(f"killed {_MOST_STARTS} times")


def _begun(home: Path) -> Counter[str]:
    return Counter((home / "begun.txt").read_text().split())


def _index(home: Path) -> dict[str, Any]:
    (folder,) = [shard.parent for shard in (home / "edge").rglob("shard")] or [home / "edge"]
    return points_on_disk(folder)


def _catalogue(home: Path) -> list[tuple[Any, ...]]:
    query = "SELECT id, uri, title, scope, content_hash, chunks FROM documents ORDER BY id"
    with sqlite3.connect(home / "tandem.db") as database:
        return database.execute(query).fetchall()


def _set_aside(home: Path) -> list[str]:
    with sqlite3.connect(home / "tandem.db") as database:
        return [place for (place,) in database.execute("SELECT place FROM document_tries WHERE state = 'aside'")]


@pytest.mark.timeout(600)
def test_killed_ingest_goes_on_with_what_was_left_and_leaves_the_same_index_point_for_point(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert _start_until_done(whole, always=[], once=[])[0] == 0
    deadly = [_PAGES[0], _PAGES[5], _PAGES[9]]
    kills, said = _start_until_done(killed, always=[], once=deadly)
    assert kills == 3
    assert len(_index(whole)) >= len(_PAGES)
    assert _index(killed) == _index(whole)
    assert _catalogue(killed) == _catalogue(whole)
    assert said.count("Could not be added") == 0
    # What was in when the process was killed is not read again; what was being read beside it may be.
    assert sum(_begun(killed).values()) <= len(_PAGES) + 3 * 4
    assert max(_begun(killed).values()) <= 1 + 3


@pytest.mark.timeout(600)
def test_documents_that_kill_the_process_are_set_aside_after_three_tries_and_the_others_are_taken_in(
    tmp_path: Path,
) -> None:
    poison = [_PAGES[1], _PAGES[6]]
    kills, said = _start_until_done(tmp_path / "home", always=poison, once=[])
    assert 5 <= kills <= 6  # the second may be under way when the first one kills
    begun = _begun(tmp_path / "home")
    assert [begun[page] for page in poison] == [3, 3]
    failed = [line for line in said.splitlines() if "Could not be added" in line]
    assert len(failed) == 2
    assert all("I broke down 3 times while I read this" in line for line in failed)
    assert {uri.rpartition("/")[2] for _, uri, *_ in _catalogue(tmp_path / "home")} == set(_PAGES) - set(poison)
    assert sorted(_set_aside(tmp_path / "home")) == [f"https://a.example/{page}" for page in poison]
