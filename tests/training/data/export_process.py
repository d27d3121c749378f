"""Catches an export up in processes that kill themselves: `python -m … DATABASE FOLDER UNTIL`, a copy of both a kill.

Prints a JSON object on the last line: by step and time that it is reached, the signal of the kill, and a digest of all files and
tables once a second process has finished the work. Each process is forked from this one, since imports take seconds.
"""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from tests.training.data.samples import ON
from training.data.ledger import catch_up

STEPS = [
    "read",
    "lines_written",
    "all_written",
    "renamed_0",
    "renamed_8",
    "renamed_15",
    "renamed",
    "stored",
    "committed",
]
TABLES = ["training_exports", "training_members", "training_clusters"]


def main(database: Path, folder: Path, until: datetime) -> None:
    outcomes = {"never": _tried(database, folder, until, "never", 0)}
    for step in STEPS:
        for time in (1, 2):
            outcomes[f"{step} {time}"] = _tried(database, folder, until, step, time)
    print(json.dumps(outcomes))


def _tried(database: Path, folder: Path, until: datetime, step: str, time: int) -> list:
    place = database.parent / f"{step}-{time}"
    place.mkdir()
    for name in database.parent.glob("tandem.db*"):
        shutil.copy(name, place)
    shutil.copytree(folder, place / "exports")
    killed = _in_a_process(place, until, step, time)
    return [killed, _in_a_process(place, until, "never", 0), _state(place)]


def _in_a_process(place: Path, until: datetime, step: str, time: int) -> int:
    """The signal that ended it."""
    pid = os.fork()
    if not pid:
        asyncio.run(_caught_up(place, until, step, time))
        os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


async def _caught_up(place: Path, until: datetime, step: str, time: int) -> None:
    seen: Counter[str] = Counter()

    def reached(name: str) -> None:
        seen[name] += 1
        if name == step and seen[name] == time:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = create_async_engine(f"sqlite+aiosqlite:///{place / 'tandem.db'}")
    async for _ in catch_up(engine, place / "exports", until=until, settings=ON, reached=reached):
        pass
    await engine.dispose()


def _state(place: Path) -> str:
    exports = place / "exports"
    files = {
        str(path.relative_to(exports)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(exports.rglob("*"))
        if path.is_file()
    }
    with sqlite3.connect(place / "tandem.db") as database:
        tables = [sorted(map(str, database.execute(f"SELECT * FROM {table}"))) for table in TABLES]
    return hashlib.sha256(json.dumps([files, tables]).encode()).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
