"""Training's tables. Migrations read them, so nothing here imports a trainer."""

from sqlalchemy import Column, LargeBinary, String, Table

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

# A reviewer's word on a correction: fact, know_how or rejected. One without a row here waits for it.
correction_reviews = Table(
    "correction_reviews",
    metadata,
    Column("feedback_id", String(200), primary_key=True),
    Column("exchange_id", String(200), nullable=False, index=True),
    Column("verdict", String(10), nullable=False),
    Column("reviewer", Said, nullable=False),
    Column("at", Moment, nullable=False),
)

# People from whose words nothing is learnt.
training_opt_outs = Table(
    "training_opt_outs",
    metadata,
    Column("person", String(200), primary_key=True),
    Column("at", Moment, nullable=False),
)

# Whether a cluster of like exchanges is trained on or held out. Decided once: rows here are never changed.
training_clusters = Table(
    "training_clusters",
    metadata,
    Column("cluster", String(32), primary_key=True),
    Column("split", String(10), nullable=False),
)

# An exchange that was exported, by the start of its window. `taught` is empty where it was left out in the end:
# it stays in its cluster all the same.
training_members = Table(
    "training_members",
    metadata,
    Column("exchange_id", String(200), primary_key=True),
    Column("cluster", String(32), nullable=False),
    Column("thread_id", String(160), nullable=False),
    Column("start", Moment, nullable=False, index=True),
    Column("signature", LargeBinary, nullable=False),
    Column("taught", String(64), nullable=False),
)

# Windows that were exported: `inputs` is a digest of what an export read, so that a changed window is seen.
training_exports = Table(
    "training_exports",
    metadata,
    Column("start", Moment, primary_key=True),
    Column("end", Moment, nullable=False),
    Column("inputs", String(64), nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
)
