"""Alembic's entry: one history over the tables of all packages."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import TypeDecorator, create_engine
from sqlalchemy.pool import NullPool

import bot.tables
import knowledge.tables
import router.tables
import training.tables
from bot.database import is_ours

METADATA = [bot.tables.metadata, router.tables.metadata, knowledge.tables.metadata, training.tables.metadata]


def render_stored_type(kind: str, thing: Any, _: AutogenContext) -> str | Literal[False]:
    """Write our own column types as what they store: a migration must not change when their code does."""
    return f"sa.{thing.impl!r}" if kind == "type" and isinstance(thing, TypeDecorator) else False


engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_object=is_ours,
        render_item=render_stored_type,
        render_as_batch=True,  # SQLite changes a column only by copying its table
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
