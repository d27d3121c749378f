"""Documents as they come in, and passages as they go out."""

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from knowledge.audience import PUBLIC

_NAMESPACE = uuid.UUID("6f1a2d52-6a0e-4b8e-9a55-8f6d7c1f0b61")

SECTION_SEPARATOR = " › "
# Changes with the way in which text is cut: a document taken in again is then cut anew.
_CUT = "2"

IngestStatus = Literal["added", "unchanged", "updated", "removed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed document: Markdown text with where it came from and who may read it.

    What is not known is left empty, and no search that is narrowed by it finds the document: `modified_at`, when its
    source last changed; `kind`, its media type; `author`, a name as people write it; `channel`, the id of the channel
    that a public document comes from (of others, the scope says it).
    """

    uri: str
    title: str
    text: str
    scope: str
    modified_at: datetime | None = None
    kind: str = ""
    author: str = ""
    channel: str = ""

    @property
    def id(self) -> str:
        """The same place read by the same people is the same document, whatever it says today."""
        return document_id(self.uri, self.scope)

    @property
    def public_id(self) -> str:
        """The same place, read by everyone."""
        return replace(self, scope=PUBLIC).id

    def content_hash(self, *, chunk_tokens: int) -> str:
        """Names a version: what the document says, cut into chunks of this length. Cut otherwise, it is another one."""
        return hashlib.sha256(f"{cut_as(chunk_tokens)}\n{self.title}\n{self.text}".encode()).hexdigest()


def document_id(uri: str, scope: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{scope} {uri}"))


def cut_as(chunk_tokens: int) -> str:
    """Names the way in which a text is cut into chunks."""
    return f"{_CUT} {chunk_tokens}"


def chunk_id(document_id: str, content_hash: str, number: int) -> str:
    """The id of a version's chunk, by its number in reading order from 0; there need not be one of that number."""
    return str(uuid.uuid5(uuid.UUID(document_id), f"{content_hash} {number}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the chunks that a widened passage is made of."""

    chunk_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who handed a document over, where, and as what; Slack's ids, empty for the command line.

    `place` is the folder, page or file that was named, and `whole_site` says that more than the page was meant;
    `ingest_id` is shared by all that was handed over at once. `overheard` was said or shown among people, not handed
    over to Tandem, or is not known to have been: it is answered from, and never learnt from.
    """

    place: str = ""
    added_by: str = ""
    added_in: str = ""
    ingest_id: str = ""
    whole_site: bool = False
    overheard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document as the catalogue lists it. `number` is what people call it by; `read_at` is its version's time.

    `missing_since` is when its source first said that it is gone, where that was the last that it said.
    """

    id: str
    number: int
    uri: str
    title: str
    scope: str
    chunks: int
    origin: Origin
    added_at: datetime
    read_at: datetime
    missing_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be read at a place: `size` in bytes as it came, `text` as it was understood."""

    uri: str
    title: str
    size: int
    chunks: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk of a document as a search returns it, perhaps with its neighbours.

    `number` is the chunk's place in its version of the document, from 0; None in an index from before chunks were
    numbered. `parts` are the chunks of a widened passage in reading order, this one among them, else empty.
    `modified_at` is when the document's source last changed, where it says so. `overheard` is its version's, as the
    catalogue has it.
    `score` is the fused rank score that orders the results (higher is better, comparable within one
    search only). `similarity` is the cosine of question and chunk, in [-1, 1], comparable across searches.
    """

    chunk_id: str
    document_id: str
    title: str
    uri: str
    section: str
    text: str
    scope: str
    content_hash: str
    score: float
    similarity: float
    number: int | None = None
    parts: tuple[Part, ...] = ()
    modified_at: datetime | None = None
    overheard: bool = True

    def chunk_holding(self, quote: str) -> str:
        """The id of the chunk that the words of a quote come from; this passage's own where no one chunk holds it."""
        words = _words(quote)
        return next((part.chunk_id for part in self.parts if words in _words(part.text)), self.chunk_id)

    @property
    def heading(self) -> str:
        """Title and section: without it, “Report it within one hour” does not say what is to be reported."""
        return f"{self.title}{SECTION_SEPARATOR}{self.section}" if self.section else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What became of one document.

    `error` is a sentence for people: why it `failed` or was `removed`, or what to know of it otherwise.
    """

    uri: str
    title: str
    status: IngestStatus
    chunks: int = 0
    error: str | None = None


def failed(uri: str, title: str, why: str | Exception) -> IngestResult:
    return IngestResult(uri=uri, title=title, status="failed", error=str(why))


def _words(text: str) -> str:
    """The text with its spaces and line ends alike: a quote is unwrapped."""
    return " ".join(text.split())
