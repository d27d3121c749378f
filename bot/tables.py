"""What the Slack side remembers: which message answers which question, and what was handed over where."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from knowledge.columns import Moment, named_metadata

metadata = named_metadata()

# One row a question. `version` is the time of the edit or retry that is answered now (Slack's timestamp, "" for the
# message as first written); `state` is open, answered, failed or withdrawn. `text` is emptied when it is withdrawn.
# `route` is what a person asked for with a button under the answer, "" for the question as such; an answer by another
# route has a row of its own, whose key continues the question's.
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
    Column("route", String(20), nullable=False, server_default=""),
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

# One row for what was handed over at once. `ended_at` is empty while it is read; `undone_by` is the work that takes it out.
ingests = Table(
    "ingests",
    metadata,
    Column("ingest_id", String(255), primary_key=True),
    Column("channel", String(40), nullable=False),
    Column("person", String(40), nullable=False),
    Column("documents", Integer, nullable=False),
    Column("read", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=True),
    Column("undone_by", String(255), nullable=False),
    Index("ix_ingests_channel_started_at", "channel", "started_at"),
)

# What could not be taken in, and why; what was taken in is in the catalogue alone, so that it can be taken out whole.
ingest_failures = Table(
    "ingest_failures",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("ingest_id", String(255), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failed_at", Moment, nullable=False),
    Index("ix_ingest_failures_channel_failed_at", "channel", "failed_at"),
)

# One row for a document that is being taken in, and for one that is set aside. `state` is reading, failed (by an error
# that nobody foresaw) or aside; `tries` counts those that were begun, also by a process that did not live to end them.
document_tries = Table(
    "document_tries",
    metadata,
    Column("work_id", String(255), primary_key=True),
    Column("document_id", String(36), nullable=False, index=True),
    Column("place", Text, nullable=False),
    Column("scope", String(60), nullable=False),
    Column("title", Text, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("overheard", Boolean, nullable=False),
    Column("state", String(12), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("tried_at", Moment, nullable=False),
)

# One row a channel whose history was taken in. `state` is reading, broken (given up on the way), followed or stopped; all
# but stopped are kept current. `newest_ts` and `oldest_ts` say how far it is read; `stopped_ts` is the time from which on
# nothing of it is taken in, "" while it is followed. `work_id` reads it; its documents are known by `ingest_id`. All that
# happened until `current_at` is taken over, or was delivered; `caught_up_ts` says how far back what came later is read.
channel_histories = Table(
    "channel_histories",
    metadata,
    Column("channel", String(40), primary_key=True),
    Column("team", String(40), nullable=False),
    Column("person", String(40), nullable=False),
    Column("work_id", String(255), nullable=False),
    Column("ingest_id", String(255), nullable=False, index=True),
    Column("state", String(12), nullable=False),
    Column("newest_ts", String(40), nullable=False),
    Column("oldest_ts", String(40), nullable=False),
    Column("threads", Integer, nullable=False),
    Column("files", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("stopped_ts", String(40), nullable=False),
    Column("current_at", Moment, nullable=False),
    Column("caught_up_ts", String(40), nullable=False),
)
