"""Training's tables. Migrations read them, so nothing here imports a trainer."""

from sqlalchemy import Column, String, Table

from knowledge.columns import Moment, named_metadata
from router.tables import JsonText, Said

metadata = named_metadata()

# Every adapter that was ever promoted. `adapter` is `name@digest`, which the release and the model server use too.
adapters = Table(
    "adapters",
    metadata,
    Column("adapter", String(120), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("path", Said, nullable=False),
    Column("base", Said, nullable=False),
    Column("recipe", Said, nullable=False),
    Column("data_sha256", String(64), nullable=False),
    Column("metrics", JsonText, nullable=False),
    Column("created_at", Moment, nullable=False),
)
