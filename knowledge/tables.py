"""The documents in the index: which version of each is the one that answers, and which index."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

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
    # Of the bytes that the version was read from, and of how they are read and cut. Empty: not known, read it again.
    Column("fingerprint", String(64), nullable=False),
    # What the server named the version by, and the address at which it did.
    Column("validator_url", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    # When its source first said that it is gone; emptied when it is there again.
    Column("missing_since", Moment, nullable=True),
    # Said among people, or not known to have been handed over: the version is never learnt from.
    Column("overheard", Boolean, nullable=False),
    # Asked for at each edit and deletion in Slack. By hash: a place may be longer than PostgreSQL's other index holds.
    Index("ix_documents_place", "place", postgresql_using="hash"),
)

# Where a page of a site leads, a link a line as it is written there: so the site is followed past a page that its server
# does not send again.
page_links = Table(
    "page_links",
    metadata,
    Column("document_id", String(36), primary_key=True),
    Column("links", Text, nullable=False),
)

# One row a place and the people who may read it, for as long as a document of it is known. `tries` is how often it was
# begun to be read again and not ended, `readings` how often that was done; the counts are of the last time.
places = Table(
    "places",
    metadata,
    Column("place", Text, primary_key=True),
    Column("scope", String(60), primary_key=True),
    Column("whole_site", Boolean, nullable=False),
    Column("added_by", String(40), nullable=False),
    Column("added_in", String(40), nullable=False),
    Column("refreshed_at", Moment, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("readings", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
)

# What people took out: reading its place again does not bring it back; handing it over again does.
taken_out = Table(
    "taken_out",
    metadata,
    Column("document_id", String(36), primary_key=True),
)

# One row; replacing it puts another index into service.
index_in_service = Table(
    "index_in_service",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("model", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("other", String(255), nullable=False),
    Column("is_building", Boolean, nullable=False),
    Column("is_by_words", Boolean, nullable=False),
    # Passages embedded anew, of how many.
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
)
