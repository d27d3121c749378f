"""What the Slack side remembers: which message answers which question."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint

from knowledge.columns import named_metadata

metadata = named_metadata()

# One row a question. `version` is the time of the edit or retry that is answered now (Slack's timestamp, "" for the
# message as first written); `state` is open, answered, failed or withdrawn. `text` is emptied when it is withdrawn.
deliveries = Table(
    "deliveries",
    metadata,
    Column("question_key", String(160), primary_key=True),
    Column("exchange_id", String(255), nullable=False),
    Column("team", String(40), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("question_ts", String(40), nullable=False),
    Column("thread_ts", String(40), nullable=False),
    Column("asker", String(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("version", String(40), nullable=False),
    Column("state", String(12), nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Index("ix_deliveries_channel_thread_ts", "channel", "thread_ts"),
)

# The messages that were posted for a question (or for another piece of work, by its id): part 0 is the first.
# The primary key is the claim: two answers can never own one message.
answer_messages = Table(
    "answer_messages",
    metadata,
    Column("channel", String(40), primary_key=True),
    Column("message_ts", String(40), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("part", Integer, nullable=False),
    UniqueConstraint("owner", "part"),
)
