"""The router's tables. Ids of other packages stand here without foreign keys."""

import json
from typing import Any

from sqlalchemy import Boolean, Column, Dialect, Float, Index, Integer, String, Table, Text, false
from sqlalchemy.types import TypeDecorator

from knowledge.columns import Moment, named_metadata

metadata = named_metadata()


class Said(TypeDecorator[str]):
    """What people or models wrote, less the two things PostgreSQL cannot hold: NUL and lone surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class JsonText(TypeDecorator[Any]):
    """JSON in ASCII, so that any string comes back as it went in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


exchanges = Table(
    "exchanges",
    metadata,
    Column("exchange_id", String(200), primary_key=True),
    Column("asked_at", Moment, nullable=False),
    Column("team", Said, nullable=False),
    Column("channel", Said, nullable=False),
    Column("asker", Said, nullable=False),
    Column("scopes", JsonText, nullable=False),
    Column("question", Said, nullable=False),
    Column("thread", JsonText, nullable=False),
    Column("thread_id", String(160), nullable=False, server_default=""),
    Column("prompt", JsonText, nullable=False),
    Column("passages", JsonText, nullable=False),
    Column("searches", JsonText, nullable=False),
    Column("route", String(20), nullable=False),
    Column("probabilities", JsonText, nullable=False),
    Column("reason", Said, nullable=False),
    Column("policy", String(120), nullable=False, server_default=""),
    Column("features", JsonText, nullable=False, server_default="{}"),
    Column("propensity", Float, nullable=False, server_default="1"),
    Column("explored", Boolean, nullable=False, server_default=false()),
    Column("forced", Boolean, nullable=False, server_default=false()),
    Column("answer", Said, nullable=False),
    Column("completion", Said, nullable=False),
    Column("sources", JsonText, nullable=False),
    Column("removed_citations", Integer, nullable=False),
    Column("model", Said, nullable=False),
    Column("adapter", Said, nullable=False),
    Column("adapter_at", Moment, nullable=True),
    Column("usage", JsonText, nullable=False),
    Column("timings_ms", JsonText, nullable=False),
    Index("ix_exchanges_asked_at", "asked_at", "exchange_id"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("feedback_id", String(200), primary_key=True),
    Column("exchange_id", String(200), nullable=False, index=True),
    Column("person", Said, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("what_was_wrong", JsonText, nullable=False),
    Column("correction", Said, nullable=False),
    Column("wanted", String(20), nullable=False, server_default=""),
    Column("at", Moment, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("adapter", Said, nullable=False),
    Column("path", Said, nullable=False),
    Column("base", Said, nullable=False),
    Column("promoted_at", Moment, nullable=False),
    Column("policy", String(120), nullable=False, server_default=""),
    Column("released_at", Moment, nullable=False),
    Column("is_rollback", Boolean, nullable=False, server_default=false()),
)
