# pyright: reportMissingTypeStubs=false, reportIncompatibleMethodOverride=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# LlamaIndex's store over Qdrant is typed in part only.
"""LlamaIndex's store over a Qdrant server, with the layout and the fusion of the embedded index."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import MetadataFilters, VectorStoreQuery, VectorStoreQueryResult
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from knowledge.errors import IndexUnavailable
from knowledge.layout import (
    DENSE,
    DOCUMENT_ID,
    FUSED_HITS,
    INDEXED_KEYS,
    RRF_K,
    RRF_WEIGHTS,
    SPARSE,
    Bm25Encoder,
    as_point,
    of_documents,
    rankings,
)
from knowledge.points import Point

# Outliers are cut off at the quantile, and the hits are scored again with the whole vectors.
_INT8 = models.ScalarQuantization(
    scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionLayout:
    """How a server keeps a collection; None leaves it to the server."""

    shards: int | None = None
    replicas: int | None = None
    write_consistency: int | None = None
    payload_on_disk: bool | None = None
    is_quantized: bool = False


class ServerStore(QdrantVectorStore):
    """Created on the server at the first passage, whose vector sets the dimensions."""

    _bm25: Bm25Encoder = PrivateAttr(default_factory=Bm25Encoder)
    _layout: CollectionLayout = PrivateAttr(default_factory=CollectionLayout)
    _is_created: bool = PrivateAttr(default=False)
    _has_indexed_keys: bool = PrivateAttr(default=False)

    def __init__(self, client: AsyncQdrantClient, collection_name: str, layout: CollectionLayout | None = None) -> None:
        bm25 = Bm25Encoder()
        super().__init__(
            collection_name=collection_name,
            aclient=client,
            enable_hybrid=True,
            dense_vector_name=DENSE,
            sparse_vector_name=SPARSE,
            index_doc_id=False,
            sparse_doc_fn=bm25.encode_documents,
            sparse_query_fn=bm25.encode_documents,
            payload_indexes=[  # pyright: ignore[reportArgumentType] — it means a dict with these two keys
                {"field_name": key, "field_schema": models.PayloadSchemaType(kind)}
                for key, kind in INDEXED_KEYS.items()
            ],
        )
        self._bm25 = bm25
        self._layout = layout or CollectionLayout()

    async def async_add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        with _translated():
            if not self._has_indexed_keys and await self._exists():
                # The collection may be older than some of the keys. Where they are indexed, this does nothing.
                await self._acreate_payload_indexes()
            self._has_indexed_keys = True
            return await super().async_add(list(nodes))

    async def aquery(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        """Fused by the server itself; LlamaIndex would fuse here, by relative score."""
        readable = self._build_query_filter(query)
        if readable is None or query.query_embedding is None:
            raise ValueError("A query says who may read and carries its embedding")
        branches = self._branches(query, readable)
        weights = [RRF_WEIGHTS[str(branch.using)] for branch in branches]
        with _translated():
            if not branches or not await self._exists():
                return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
            response = await self._aclient.query_points(
                self.collection_name,
                prefetch=branches,
                query=models.RrfQuery(rrf=models.Rrf(k=RRF_K, weights=weights)),
                limit=query.similarity_top_k,
                with_payload=True,
                with_vectors=[DENSE],
            )
        return self.parse_to_query_result(response.points)

    async def adelete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **_: Any
    ) -> None:
        with _translated():
            if await self._exists():
                await super().adelete_nodes(node_ids=node_ids, filters=filters)

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **_: Any
    ) -> list[BaseNode]:
        if filters is None or node_ids is None:
            raise ValueError("Passages are asked for by id, and by those who may read them")
        with _translated():
            if not node_ids or not await self._exists():
                return []
            return list(await super().aget_nodes(node_ids=node_ids, filters=filters))

    async def counts(self, document_ids: Sequence[str]) -> dict[str, int]:
        matching = self._build_subfilter(of_documents(document_ids))
        with _translated():
            if not document_ids or not await self._exists():
                return {}
            found = await self._aclient.facet(
                self.collection_name, DOCUMENT_ID, facet_filter=matching, limit=len(document_ids), exact=True
            )
        return {str(hit.value): hit.count for hit in found.hits}

    async def ids(self, after: str | None, limit: int) -> tuple[list[str], str | None]:
        with _translated():
            if not await self._exists():
                return [], None
            records, following = await self._aclient.scroll(
                self.collection_name, limit=limit, offset=after, with_payload=False, with_vectors=False
            )
        return [str(record.id) for record in records], None if following is None else str(following)

    async def points(self, ids: Sequence[str]) -> list[Point]:
        with _translated():
            if not ids or not await self._exists():
                return []
            records = await self._aclient.retrieve(
                self.collection_name, list(ids), with_payload=True, with_vectors=[DENSE, SPARSE]
            )
        return [as_point(record) for record in records]

    async def put(self, points: Sequence[Point]) -> None:
        if not points:
            return
        with _translated():
            if not await self._exists():
                await self._acreate_collection(self.collection_name, len(points[0].dense))
            await self._aclient.upsert(self.collection_name, [_as_struct(point) for point in points])

    async def drop(self, ids: Sequence[str]) -> None:
        await self.adelete_nodes(node_ids=list(ids))

    async def total(self) -> int:
        with _translated():
            if not await self._exists():
                return 0
            return (await self._aclient.count(self.collection_name)).count

    async def settle(self) -> None:
        """A server does this by itself."""

    async def aclear(self) -> None:
        """Remove the collection itself."""
        with _translated():
            await super().aclear()
        self._is_created = False

    async def aclose(self) -> None:
        await self._aclient.close()

    async def _acreate_collection(self, collection_name: str, vector_size: int) -> None:
        """LlamaIndex's own has no place for all that the layout says."""
        layout = self._layout
        try:
            await self._aclient.create_collection(
                collection_name,
                vectors_config={
                    DENSE: models.VectorParams(
                        size=vector_size, distance=models.Distance.COSINE, on_disk=layout.is_quantized or None
                    )
                },
                sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                shard_number=layout.shards,
                replication_factor=layout.replicas,
                write_consistency_factor=layout.write_consistency,
                on_disk_payload=layout.payload_on_disk,
                quantization_config=_INT8 if layout.is_quantized else None,
            )
        except UnexpectedResponse as error:
            # Another process may have made it in between.
            if error.status_code != HTTPStatus.CONFLICT:
                raise
        await self._acreate_payload_indexes()
        self._collection_initialized = True

    def _branches(self, query: VectorStoreQuery, readable: models.Filter) -> list[models.Prefetch]:
        """Empty where there is nothing to rank by."""
        # The filter stands in each branch: a hit that may not be read never takes a place in the fusion.
        depth = max(FUSED_HITS, query.similarity_top_k)
        return [
            models.Prefetch(query=vector, using=name, filter=readable, limit=depth)
            for name in rankings(query.mode)
            if (vector := self._vector(query, name)) is not None
        ]

    def _vector(self, query: VectorStoreQuery, name: str) -> list[float] | models.SparseVector | None:
        """What the vectors of this name are compared with; None where no word of the query counts."""
        if name == DENSE:
            return query.query_embedding
        indices, values = self._bm25.encode_query(query.query_str or "")
        return models.SparseVector(indices=indices, values=values) if indices else None

    async def _exists(self) -> bool:
        self._is_created = self._is_created or await self._aclient.collection_exists(self.collection_name)
        return self._is_created


def _as_struct(point: Point) -> models.PointStruct:
    sparse = models.SparseVector(indices=list(point.sparse), values=list(point.sparse.values()))
    return models.PointStruct(
        id=point.id, payload=dict(point.payload), vector={DENSE: list(point.dense), SPARSE: sparse}
    )


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (ApiException, QdrantException, OSError) as error:
        raise IndexUnavailable("The Qdrant server does not answer; look at TANDEM_QDRANT_URL and its log") from error
