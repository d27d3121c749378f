"""`tandem forget` in processes that kill themselves: `python -m … --user U1`, of the home and the database that are set.

Prints a JSON object: by step that it dies at, "" where it does not, the signal that ended it, what a second run says, and
what home, database, index and model server hold then. Each process is forked from this one, since imports take seconds.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
from dbos import DBOSClient, DBOSPortableJSONSerializer
from psycopg import sql
from sqlalchemy import create_engine, make_url, select
from typer.testing import CliRunner

import bot.forgetting
import bot.tables
import knowledge.tables
import router.tables
import training.data.ledger
import training.tables
from bot import cli
from bot.assembly import load_configuration
from bot.database import durable_url
from bot.executor import sqlite_engine
from bot.failpoints import STEPS_OF_FORGETTING
from knowledge.columns import Moment
from tests.bot.remembered import documents_in_index

_HOME = Path(os.environ["TANDEM_HOME"])
_DATABASE = os.environ.get("TANDEM_DATABASE_URL", "")
_MODEL = os.environ["TANDEM_MODEL_URL"]
_FOLDERS = ("exports", "adapters", "corrections", "nights", "forgetting")


def main(*target: str) -> None:
    served = _served()
    _copy(_HOME, _kept())
    _copy_database(_name(), f"{_name()}_kept")
    outcomes = {step: _tried(step, target, served) for step in ("", *STEPS_OF_FORGETTING)}
    print(json.dumps(outcomes))


def _tried(step: str, target: tuple[str, ...], served: list[str]) -> list[Any]:
    _copy(_kept(), _HOME)
    _copy_database(f"{_name()}_kept", _name())
    for name in set(served) - set(_served()):
        httpx.post(f"{_MODEL}/v1/load_lora_adapter", json={"lora_name": name, "lora_path": ""}).raise_for_status()
    told, state = _HOME.with_name("told.json"), _HOME.with_name("state.json")
    killed = _in_a_process(lambda: _forget(step, target, told))
    if step:
        _in_a_process(lambda: _forget("", target, told))
    _in_a_process(lambda: state.write_text(json.dumps(_state())))
    return [killed, json.loads(told.read_text()), json.loads(state.read_text())]


def _in_a_process(work: Callable[[], object]) -> int:
    """The signal that ended it."""
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


def _forget(step: str, target: tuple[str, ...], told: Path) -> None:
    os.environ["TANDEM_FAILPOINT"] = step
    told.unlink(missing_ok=True)
    result = CliRunner().invoke(cli.app, ["forget", *target, "--json"])
    told.write_text(json.dumps([result.exit_code, result.stdout, result.stderr]))


def _state() -> dict[str, Any]:
    """What is to be the same however it came about: all but the times at which it was done."""
    configuration = load_configuration()
    return {
        "files": {
            str(path.relative_to(_HOME)): hashlib.sha256(
                b"" if path.name == "withdrawn.json" else path.read_bytes()
            ).hexdigest()
            for folder in _FOLDERS
            for path in sorted((_HOME / folder).rglob("*"))
            if path.is_file()
        },
        "tables": _tables(),
        "work": _work(durable_url(configuration.database)),
        "indexed": sorted(documents_in_index(configuration.knowledge)),
        "served": _served(),
    }


def _tables() -> dict[str, list[str]]:
    engine = create_engine(_DATABASE or f"sqlite:///{_HOME / 'tandem.db'}")
    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for package in (bot.tables, knowledge.tables, router.tables, training.tables):
            for table in package.metadata.sorted_tables:
                columns = [column for column in table.c if not isinstance(column.type, Moment)]
                found[table.name] = sorted(str(tuple(row)) for row in connection.execute(select(*columns)))
    return found


def _work(url: str) -> list[str]:
    client = DBOSClient(
        system_database_url=url, system_database_engine=sqlite_engine(url), serializer=DBOSPortableJSONSerializer()
    )
    return sorted(each.workflow_id for each in client.list_workflows())


def _served() -> list[str]:
    return [each["id"] for each in httpx.get(f"{_MODEL}/v1/models").json()["data"]]


def _kept() -> Path:
    return _HOME.with_name("kept")


def _copy(source: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place)


def _name() -> str:
    return str(make_url(_DATABASE).database) if _DATABASE else ""


def _copy_database(source: str, name: str) -> None:
    """On PostgreSQL; SQLite's files are in the home."""
    if not _DATABASE:
        return
    server = make_url(_DATABASE).set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        names = {"name": sql.Identifier(name), "source": sql.Identifier(source)}
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**names))
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {source}").format(**names))


if __name__ == "__main__":
    main(*sys.argv[1:])
