from datetime import UTC, datetime
from typing import cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Integer, MetaData, Table, create_engine, insert, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError

import bot.tables
import knowledge.tables
import router.tables
import training.tables
from bot.database import database_url as database_url_of
from bot.database import durable_url, is_ours, migrate, open_engine
from bot.errors import DatabaseError
from bot.settings import BotSettings
from router.tables import JsonText, exchanges

METADATA = [module.metadata for module in (bot.tables, router.tables, knowledge.tables, training.tables)]


def test_migrated_schema_is_what_the_packages_declare(database_url):
    url = make_url(database_url)
    migrate(url)
    sync = url.set(drivername="sqlite") if url.get_backend_name() == "sqlite" else url
    engine = create_engine(sync)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours, "compare_type": True})
        differences = compare_metadata(context, cast("MetaData", METADATA))  # a list of them will do
    engine.dispose()
    assert differences == []


def test_migrating_twice_changes_nothing(database_url):
    migrate(make_url(database_url))
    migrate(make_url(database_url))


def test_documents_of_an_older_database_get_numbers_of_their_own(database_url):
    url = make_url(database_url)
    migrate(url, "0001")
    sync = create_engine(url.set(drivername="sqlite") if url.get_backend_name() == "sqlite" else url)
    row = "INSERT INTO documents VALUES (:id, 'file:///a.md', 'A', 'public', 'h', 1, 1700000000000000)"
    with sync.begin() as connection:
        for name in ("a", "b"):
            connection.execute(text(row), {"id": name})
    migrate(url)
    with sync.begin() as connection:
        found = connection.execute(text("SELECT number, place, added_by, added_at FROM documents")).all()
    sync.dispose()
    assert len({number for number, *_ in found}) == 2
    assert {tuple(rest) for _, *rest in found} == {("file:///a.md", "", 1700000000000000)}


def test_documents_of_an_older_database_are_overheard_where_they_may_have_come_from_messages(database_url):
    url = make_url(database_url)
    migrate(url, "0001")
    sync = create_engine(url.set(drivername="sqlite") if url.get_backend_name() == "sqlite" else url)
    row = "INSERT INTO documents VALUES (:id, 'https://a.example/', 'A', 'public', 'h', 1, 1700000000000000)"
    with sync.begin() as connection:
        for name in ("/srv/docs", "slack-thread:C1:1.0", "slack-message:C1:1.0:1.0", "slack-file:F1"):
            connection.execute(text(row), {"id": name})
    migrate(url, "0005")
    with sync.begin() as connection:
        connection.execute(text("UPDATE documents SET place = id"))
    migrate(url)
    with sync.begin() as connection:
        found = connection.execute(text("SELECT place FROM documents WHERE NOT overheard")).scalars().all()
    sync.dispose()
    assert found == ["/srv/docs"]


def blank(table: Table) -> dict[str, object]:
    """A row of nothing, without the columns that came later: those fill themselves."""
    columns = [column for column in table.columns if not (column.server_default or column.nullable)]
    row: dict[str, object] = {column.name: 0 if isinstance(column.type, Integer) else "" for column in columns}
    return row | {column.name: [] for column in columns if isinstance(column.type, JsonText)}


def test_threads_of_an_older_database_are_not_learnt_from_since_nobody_noted_what_their_answers_repeat(database_url):
    url = make_url(database_url)
    migrate(url, "0005")
    sync = create_engine(url.set(drivername="sqlite") if url.get_backend_name() == "sqlite" else url)
    said = 'Write "overheard":false, they said'
    turn = {"speaker": "assistant", "text": said, "overheard": False}
    with sync.begin() as connection:
        connection.execute(
            insert(exchanges).values(**blank(exchanges) | {"asked_at": datetime.now(UTC), "thread": [turn]})
        )
    migrate(url)
    with sync.begin() as connection:
        (found,) = connection.execute(select(exchanges.c.thread)).scalars().one()
    sync.dispose()
    assert (found["text"], found["overheard"]) == (said, True)


def test_exchanges_of_an_older_database_belong_to_the_threads_that_they_were_delivered_in(database_url):
    url = make_url(database_url)
    migrate(url, "0008")
    sync = create_engine(url.set(drivername="sqlite") if url.get_backend_name() == "sqlite" else url)
    delivery = blank(bot.tables.deliveries) | {"updated_at_us": 0}
    delivery |= {"team": "T1", "channel": "C1", "thread_ts": "1.5", "exchange_id": "slack:T1:C1:2.5"}
    with sync.begin() as connection:
        for exchange_id in ("slack:T1:C1:2.5", "cli:1"):
            row = blank(exchanges) | {"asked_at": datetime.now(UTC), "exchange_id": exchange_id}
            connection.execute(insert(exchanges).values(**row))
        connection.execute(insert(bot.tables.deliveries).values(**delivery))
    migrate(url)
    with sync.begin() as connection:
        found = {row.exchange_id: row.thread_id for row in connection.execute(select(exchanges))}
    sync.dispose()
    assert found == {"slack:T1:C1:2.5": "T1:C1:1.5", "cli:1": ""}


async def test_sqlite_is_opened_in_wal_mode(tmp_path):
    engine = open_engine(database_url_of(BotSettings(home=tmp_path)))
    async with engine.connect() as connection:
        mode = (await connection.execute(text("PRAGMA journal_mode"))).scalar_one()
    await engine.dispose()
    assert mode == "wal"


async def test_what_people_wrote_is_not_in_an_error_of_the_database(tmp_path):
    engine = open_engine(database_url_of(BotSettings(home=tmp_path)))
    with pytest.raises(SQLAlchemyError) as caught:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO nowhere VALUES (:said)"), {"said": "canary"})
    await engine.dispose()
    assert "canary" not in str(caught.value)


def test_postgres_address_is_taken_as_people_write_it():
    settings = BotSettings(database_url=SecretStr("postgresql://me:secret@db/name"))
    assert database_url_of(settings).drivername == "postgresql+psycopg"
    assert durable_url(database_url_of(settings)) == "postgresql://me:secret@db/name"


def test_other_kind_of_database_is_refused_by_name():
    with pytest.raises(DatabaseError, match="mysql is not supported"):
        database_url_of(BotSettings(database_url=SecretStr("mysql://host/name")))


def test_address_that_cannot_be_read_is_named_by_its_variable_and_not_repeated():
    with pytest.raises(DatabaseError, match="TANDEM_DATABASE_URL") as refused:
        database_url_of(BotSettings(database_url=SecretStr("postgresql://tandem:canary@host:54x/tandem")))
    assert "canary" not in repr(refused.value)
    assert refused.value.__suppress_context__


def test_unreachable_database_is_said_without_its_password(free_port):
    url = make_url(f"postgresql+psycopg://me:canary@127.0.0.1:{free_port}/name")
    with pytest.raises(DatabaseError, match="cannot be used") as caught:
        migrate(url)
    assert "canary" not in str(caught.value)


def test_durable_work_has_a_file_of_its_own_beside_sqlite(tmp_path):
    assert durable_url(database_url_of(BotSettings(home=tmp_path))) == f"sqlite:///{tmp_path / 'durable.db'}"
