"""The documents in the index: which version of each is the one that answers."""

from sqlalchemy import Column, Integer, String, Table, Text

from knowledge.columns import Moment, named_metadata

metadata = named_metadata()

documents = Table(
    "documents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("uri", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("scope", String(60), nullable=False, index=True),
    # Of the text and of how it is cut. A hit of any other is an older or an unfinished version and is not shown.
    Column("content_hash", String(64), nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("ingested_at", Moment, nullable=False),
    # What people call it by. Drawn, not counted: a count would tell how many documents others have added.
    Column("number", Integer, nullable=False, unique=True),
    # What was handed over, where it was another thing than the document: its folder, or a file of Slack's.
    Column("place", Text, nullable=False),
    # Slack's ids of the person and of the conversation; "" for the command line.
    Column("added_by", String(40), nullable=False),
    Column("added_in", String(40), nullable=False),
    Column("ingest_id", String(255), nullable=False, index=True),
    Column("added_at", Moment, nullable=False),
    # How the version's text is cut. Cut otherwise, it is read again though its server says that it has not changed.
    Column("cut", String(20), nullable=False),
    # What the server named the version by, and the address at which it did.
    Column("validator_url", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    # When its source first said that it is gone; emptied when it is there again.
    Column("missing_since", Moment, nullable=True),
)
