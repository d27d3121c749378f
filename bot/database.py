"""The one engine, and the schema brought up to date before anything uses it."""

import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import DatabaseError
from bot.settings import BotSettings

_BUSY_TIMEOUT_MS = 10_000


def database_url(settings: BotSettings) -> URL:
    """The database as SQLAlchemy's async engine wants it. Raises DatabaseError for another kind of database."""
    if settings.database_url is None or not settings.database_url.get_secret_value():
        return URL.create("sqlite+aiosqlite", database=str(settings.home.absolute() / "tandem.db"))
    try:
        url = make_url(settings.database_url.get_secret_value())
    except (ArgumentError, ValueError):
        # Without its cause: that would repeat the password.
        raise DatabaseError(
            "TANDEM_DATABASE_URL: write postgresql://user:password@host/name, or leave it empty"
        ) from None
    match url.get_backend_name():
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case "sqlite":
            return url.set(drivername="sqlite+aiosqlite")
        case other:
            raise DatabaseError(f"TANDEM_DATABASE_URL: {other} is not supported, use postgresql or sqlite")


def durable_url(url: URL) -> str:
    """The database of the durable work, for DBOS, which connects synchronously.

    The same PostgreSQL; with SQLite a file of its own beside the first: SQLite has one writer a file, and taking an
    event in must not wait for an answer that is being written down.
    """
    if url.get_backend_name() != "sqlite":
        return url.set(drivername="postgresql").render_as_string(hide_password=False)
    own = str(Path(url.database or "tandem.db").with_name("durable.db"))
    return url.set(drivername="sqlite", database=own).render_as_string(hide_password=False)


def is_ours(_thing: object, _name: str | None, kind: str, reflected: bool, ours: object) -> bool:
    """For Alembic: leave out what is only in the database. The durable work's tables are its own to migrate."""
    return not (kind == "table" and reflected and ours is None)


def open_engine(url: URL) -> AsyncEngine:
    """An engine with connections checked before use; SQLite in WAL mode, so that readers never wait for a writer."""
    # Parameters are what people wrote: they stay out of errors, which are logged.
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_async_engine(url, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def migrate(url: URL, revision: str = "head") -> None:
    """Bring the schema up to date. Blocks; raises DatabaseError with what to check."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = _sync_url(url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        command.upgrade(config, revision)
    except (SQLAlchemyError, OSError) as error:
        where = url.render_as_string(hide_password=True)
        raise DatabaseError(f"the database {where} cannot be used: {_first_line(error)}") from error


def _sync_url(url: URL) -> URL:
    return url.set(drivername="sqlite") if url.get_backend_name() == "sqlite" else url


def prepare_sqlite(connection: Any, *, busy_timeout_ms: int) -> None:
    """What every connection to a SQLite file of ours is told first."""
    cursor: sqlite3.Cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # WAL with NORMAL survives a killed process; only a power cut may take the last commits.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
    # What is deleted is overwritten, and not only marked as free.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    prepare_sqlite(connection, busy_timeout_ms=_BUSY_TIMEOUT_MS)


def _first_line(error: Exception) -> str:
    return str(error.__cause__ or error).strip().splitlines()[0]
