"""The workspace's SQLite file: one connection, one writer, everything committed before it is answered."""

import contextlib
import fcntl
import json
import sqlite3
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, TextIO

from bot.workspace.json_values import Json
from bot.workspace.tables import SCHEMA


class State:
    """Calls are short and synchronous, so that a transaction never interleaves with another one."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError where another process has the file, or where it is no database."""
        self._lock = _lock(path.with_suffix(".lock"))
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{path} cannot be used: {error}. Remove it to begin with a new workspace.") from error

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        return self._connection.execute(sql, values).fetchone()

    def write(self, sql: str, *values: Any) -> int:
        """Return the number of rows changed."""
        return self._connection.execute(sql, values).rowcount

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def next_ts(self) -> str:
        """Give Slack's message id: seconds and microseconds, unique and rising in the whole workspace."""
        self._last_ts = max(time.time_ns() // 1000, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def close(self) -> None:
        self._connection.close()
        self._lock.close()

    def _open(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        # WAL with NORMAL survives the death of the process; only a power cut may take the last commits.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.executescript(SCHEMA)
        latest = self.row("SELECT max(ts) AS ts FROM messages")
        self._last_ts = _microseconds(latest["ts"]) if latest and latest["ts"] else 0


def encode(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> Json:
    return json.loads(text)


def _lock(path: Path) -> TextIO:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise ValueError(f"Another workspace runs in {path.parent}: stop it, or choose another --home.") from error
    return file


def _microseconds(ts: str) -> int:
    seconds, fraction = ts.split(".")
    return int(seconds) * 1_000_000 + int(fraction)
