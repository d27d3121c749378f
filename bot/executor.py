"""DBOS as this process runs it: one executor, with a name and an application of its own, on the one database."""

# pyright: reportUnknownMemberType=false

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy import Engine, create_engine, event, make_url

from bot.database import prepare_sqlite

_QUIET = "ERROR"
_SQLITE_CONNECTIONS = 3
_BUSY_TIMEOUT_MS = 30_000


class Executor:
    """DBOS keeps one instance a process, so one is opened at a time.

    `database_url` is synchronous: `sqlite:///…` or `postgresql://…`. `work_version` is changed only when the shape of
    stored work changes so that an older one could not be taken up: a deploy keeps it. No two applications on a
    database may have the same one. What a killed process of the same `application` and
    `executor_id` left is taken up by the next one, and by no other.
    """

    def __init__(self, *, application: str, work_version: str, executor_id: str, database_url: str) -> None:
        self._application = application
        self._work_version = work_version
        self._executor_id = executor_id
        self._database_url = database_url
        self._sqlite = sqlite_engine(database_url)

    def configure(self) -> None:
        """From here on workflows can be registered; `DBOS.launch` starts them."""
        config: DBOSConfig = {
            "name": self._application,
            "system_database_url": self._database_url,
            "system_database_engine": self._sqlite,
            # The parameters hold whole messages: they stay out of errors, which are logged.
            "db_engine_kwargs": {"hide_parameters": True},
            "application_version": self._work_version,
            "executor_id": self._executor_id,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": _QUIET,
            "enable_otlp": False,
            "scheduler_polling_interval_sec": 5.0,
        }
        logging.getLogger("dbos").setLevel(_QUIET)
        DBOS(config=config)

    def empty_log(self) -> None:
        """SQLite's write-ahead log would hold what was deleted until it is written over."""
        if self._sqlite is not None:
            with self._sqlite.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self, *, wait_s: int) -> None:
        """End; what runs gets `wait_s` seconds for its outcome to be written."""
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True, workflow_completion_timeout_sec=wait_s)
        # DBOS makes its own threads the loop's default, and has just ended them: what is closed after it needs some.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


def sqlite_engine(url: str) -> Engine | None:
    """An engine for SQLite, as DBOS sets its own up, but in WAL mode and with few connections; None for other databases.

    SQLite has one writer at a time: those that wait for a connection are woken at once, those that wait for its lock
    sleep in steps of up to 100 ms. With a connection a thread, 200 events at once took longer than Slack waits.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return None
    engine = create_engine(url, pool_size=_SQLITE_CONNECTIONS, max_overflow=0, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    prepare_sqlite(connection, busy_timeout_ms=_BUSY_TIMEOUT_MS)
    connection.execute("PRAGMA foreign_keys=ON")
