"""Alembic's entry: one history over the tables of all packages."""

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import bot.tables
import knowledge.tables
import router.tables
import training.tables

METADATA = [bot.tables.metadata, router.tables.metadata, knowledge.tables.metadata, training.tables.metadata]

engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
with engine.connect() as connection:
    # Batch mode: SQLite changes a column only by copying its table.
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
