"""How passages lie in the index, the same in the embedded one and on a server: names, fusion, filters, BM25."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from qdrant_edge import Bm25, Bm25Config

from knowledge.audience import Audience, channel_scope
from knowledge.filters import UNFILTERED, SearchFilter
from knowledge.points import Point, PointStore

DENSE = "dense"
SPARSE = "bm25"
SCOPE = "scope"
CONTENT_HASH = "content_hash"
KIND = "kind"
# The author's name in lower case, and each word of it.
AUTHOR = "author"
CHANNEL = "channel"
# Seconds since 1970.
MODIFIED = "modified"
# LlamaIndex's own key for the document that a node comes from.
DOCUMENT_ID = "doc_id"
# What filters compare, and how it is indexed. A passage without a key is found, but by no filter on that key.
INDEXED_KEYS: Mapping[str, Literal["keyword", "integer"]] = {
    SCOPE: "keyword",
    DOCUMENT_ID: "keyword",
    KIND: "keyword",
    AUTHOR: "keyword",
    CHANNEL: "keyword",
    MODIFIED: "integer",
}

# Reciprocal rank fusion (Cormack et al., 2009) as Qdrant weighs it: a hit is worth 1 / (rank / weight + k - 1), here with
# Qdrant's own k. With the paper's k of 60 and no weights, two middling ranks outvote a first one, and on chunking-eval both
# rankings together found less than BM25 alone. Weights of the dense ranking from 0.3 to 0.5 do about equally well.
RRF_K = 2
RRF_WEIGHTS = {DENSE: 0.4, SPARSE: 1.0}
# How many hits of each kind are fused; more where more are asked for.
FUSED_HITS = 50


class PassageStore(PointStore, Protocol):
    """What the index asks of a LlamaIndex vector store, and the little that LlamaIndex has no name for."""

    async def async_add(self, nodes: Sequence[BaseNode]) -> list[str]: ...
    async def aquery(self, query: VectorStoreQuery) -> VectorStoreQueryResult: ...
    async def adelete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> None: ...
    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Of these passages, those that are there and match."""
        ...

    async def counts(self, document_ids: Sequence[str]) -> dict[str, int]:
        """How many passages of each of these documents there are; those without any are absent."""
        ...

    async def aclose(self) -> None: ...


class Bm25Encoder:
    """Sparse vectors of BM25's term weights; the index supplies the inverse document frequencies."""

    def __init__(self) -> None:
        self._bm25 = Bm25(Bm25Config(language="english"))

    def encode_documents(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[float]]]:
        vectors = [self._bm25.embed_document(text) for text in texts]
        return [vector.indices for vector in vectors], [vector.values for vector in vectors]

    def encode_query(self, text: str) -> tuple[list[int], list[float]]:
        """Both empty where no word of the query counts."""
        vector = self._bm25.embed_query(text)
        return vector.indices, vector.values


def rankings(mode: VectorStoreQueryMode) -> tuple[str, ...]:
    """The vectors that a search in this mode ranks by; more than one ranking is fused."""
    match mode:
        case VectorStoreQueryMode.DEFAULT:
            return (DENSE,)
        case VectorStoreQueryMode.SPARSE | VectorStoreQueryMode.TEXT_SEARCH:
            return (SPARSE,)
        case VectorStoreQueryMode.HYBRID:
            return (DENSE, SPARSE)
        case _:
            raise ValueError(f"The search mode {mode} is not supported")


def author_keys(name: str) -> list[str]:
    """What a search may call an author by: the whole name, or one word of it."""
    words = name.lower().split()
    return list(dict.fromkeys([" ".join(words), *words])) if words else []


def readable_by(audience: Audience, only: SearchFilter = UNFILTERED) -> MetadataFilters:
    """The filter that every search carries: who may read, and beside it what the search is narrowed to."""
    conditions: list[Any] = [_condition(SCOPE, FilterOperator.IN, sorted(audience.scopes))]
    if only.channels:
        conditions.append(_from_channels(only.channels))
    if only.authors:
        conditions.append(_condition(AUTHOR, FilterOperator.IN, sorted(only.authors)))
    if only.kinds:
        conditions.append(_condition(KIND, FilterOperator.IN, sorted(only.kinds)))
    if only.since is not None:
        conditions.append(_condition(MODIFIED, FilterOperator.GTE, int(only.since.timestamp())))
    if only.until is not None:
        conditions.append(_condition(MODIFIED, FilterOperator.LT, int(only.until.timestamp())))
    return MetadataFilters(filters=conditions)


def _from_channels(channels: frozenset[str]) -> MetadataFilters:
    """A private channel's documents have it as their scope; a public document says where it comes from."""
    return MetadataFilters(
        filters=[
            _condition(CHANNEL, FilterOperator.IN, sorted(channels)),
            _condition(SCOPE, FilterOperator.IN, sorted(map(channel_scope, channels))),
        ],
        condition=FilterCondition.OR,
    )


def of_documents(document_ids: Sequence[str]) -> MetadataFilters:
    return MetadataFilters(filters=[_condition(DOCUMENT_ID, FilterOperator.IN, list(document_ids))])


def of_document(document_id: str, *, other_than: str | None = None) -> MetadataFilters:
    """A document's chunks: all, or those of other versions than one."""
    conditions = [_condition(DOCUMENT_ID, FilterOperator.EQ, document_id)]
    if other_than is not None:
        conditions.append(_condition(CONTENT_HASH, FilterOperator.NE, other_than))
    return MetadataFilters(filters=conditions)  # pyright: ignore[reportArgumentType] — an invariant list


def as_point(record: Any) -> Point:
    """A record of either engine, fetched with its payload and both vectors."""
    sparse = record.vector.get(SPARSE)
    return Point(
        id=str(record.id),
        payload=dict(record.payload or {}),
        dense=list(record.vector[DENSE]),
        sparse=dict(zip(sparse.indices, sparse.values, strict=True)) if sparse else {},
    )


def _condition(key: str, operator: FilterOperator, value: Any) -> MetadataFilter:
    return MetadataFilter(key=key, operator=operator, value=value)
