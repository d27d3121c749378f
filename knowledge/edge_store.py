# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# LlamaIndex's payload dicts and qdrant_edge's unions are untyped.
"""A LlamaIndex vector store over Qdrant Edge: Qdrant's own engine in this process, on disk."""

import asyncio
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from knowledge.edge_filters import as_filter
from knowledge.edge_shard import create_shard, load_shard, read_ids, read_points, translated, write_points
from knowledge.errors import IndexUnavailable
from knowledge.layout import (
    DENSE,
    DOCUMENT_ID,
    FUSED_HITS,
    RRF_K,
    RRF_WEIGHTS,
    SPARSE,
    Bm25Encoder,
    of_documents,
    rankings,
)
from knowledge.ownership import Ownership
from knowledge.points import Point


class EdgeStore(BasePydanticVectorStore):
    """Created on disk at the first passage, whose vector sets the dimensions."""

    stores_text: bool = True
    flat_metadata: bool = False
    folder: Path
    _ownership: Ownership = PrivateAttr()
    _shard: edge.EdgeShard | None = PrivateAttr(default=None)
    _bm25: Bm25Encoder = PrivateAttr(default_factory=Bm25Encoder)
    _writing: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, folder: Path) -> None:
        """Raises IndexUnavailable if another process owns the folder, or if what is in it cannot be opened."""
        super().__init__(folder=folder)  # pyright: ignore[reportCallIssue]
        self._ownership = Ownership(folder)
        if self._shard_folder.exists():
            try:
                with translated("could not be opened"):
                    self._shard = load_shard(self._shard_folder)
            except IndexUnavailable:
                self._ownership.release()
                raise

    @property
    def client(self) -> edge.EdgeShard | None:
        return self._shard

    @property
    def _shard_folder(self) -> Path:
        return self.folder / "shard"

    def add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        self._write(self._points(nodes))
        return [node.node_id for node in nodes]

    def query(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        if query.filters is None or query.query_embedding is None:
            raise ValueError("A query says who may read and carries its embedding")
        readable = as_filter(query.filters)
        if self._shard is None:
            return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
        request = self._request(query, readable)
        if request is None:
            return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
        with translated("could not be searched"):
            hits = self._shard.query(request)
        return _as_result(hits)

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        condition = MetadataFilter(key=DOCUMENT_ID, value=ref_doc_id)
        self.delete_nodes(filters=MetadataFilters(filters=[condition]))

    def delete_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **_: Any) -> None:
        if self._shard is None:
            return
        matching = None if filters is None else as_filter(filters)
        with self._writing, translated("could not be written"):
            if node_ids:
                self._shard.update(edge.UpdateOperation.delete_points(list(node_ids)))
            if matching is not None:
                self._shard.update(edge.UpdateOperation.delete_points_by_filter(matching))

    async def async_add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        return await asyncio.to_thread(self.add, nodes)

    async def aquery(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        return await asyncio.to_thread(self.query, query)

    async def adelete(self, ref_doc_id: str, **_: Any) -> None:
        await asyncio.to_thread(self.delete, ref_doc_id)

    async def adelete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **_: Any
    ) -> None:
        await asyncio.to_thread(self.delete_nodes, node_ids, filters)

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        if filters is None or node_ids is None:
            raise ValueError("Passages are asked for by id, and by those who may read them")
        matching = as_filter(filters)
        if self._shard is None or not node_ids:
            return []
        wanted = edge.Filter(must=[edge.HasIdCondition(set(node_ids)), matching])
        with translated("could not be searched"):
            records, _ = self._shard.scroll(edge.ScrollRequest(limit=len(node_ids), filter=wanted, with_payload=True))
        return [metadata_dict_to_node(record.payload or {}) for record in records]

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        return await asyncio.to_thread(self.get_nodes, node_ids, filters)

    async def counts(self, document_ids: Sequence[str]) -> dict[str, int]:
        if self._shard is None or not document_ids:
            return {}
        matching = as_filter(of_documents(document_ids))
        request = edge.FacetRequest(DOCUMENT_ID, limit=len(document_ids), exact=True, filter=matching)
        with translated("could not be searched"):
            found = await asyncio.to_thread(self._shard.facet, request)
        return {str(hit.value): hit.count for hit in found.hits}

    async def settle(self) -> None:
        if self._shard is not None:
            await asyncio.to_thread(self._settle, self._shard)

    async def aclear(self) -> None:
        """Remove the index itself, with its folder."""
        await self._close_shard()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def aclose(self) -> None:
        await self._close_shard()
        self._ownership.release()

    async def ids(self, after: str | None, limit: int) -> tuple[list[str], str | None]:
        if self._shard is None:
            return [], None
        with translated("could not be read"):
            return await asyncio.to_thread(read_ids, self._shard, after, limit)

    async def points(self, ids: Sequence[str]) -> list[Point]:
        if self._shard is None or not ids:
            return []
        with translated("could not be read"):
            return await asyncio.to_thread(read_points, self._shard, ids)

    async def put(self, points: Sequence[Point]) -> None:
        await asyncio.to_thread(self._write, points)

    async def drop(self, ids: Sequence[str]) -> None:
        await self.adelete_nodes(node_ids=list(ids))

    async def total(self) -> int:
        if self._shard is None:
            return 0
        with translated("could not be read"):
            return await asyncio.to_thread(self._shard.count, edge.CountRequest())

    async def _close_shard(self) -> None:
        if self._shard is not None:
            await asyncio.to_thread(self._shard.close)
            self._shard = None

    def _write(self, points: Sequence[Point]) -> None:
        if not points:
            return
        with self._writing, translated("could not be written"):
            if self._shard is None:
                self._shard = create_shard(self._shard_folder, dimensions=len(points[0].dense))
            write_points(self._shard, points)

    def _points(self, nodes: Sequence[BaseNode]) -> list[Point]:
        texts = [node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
        sparse = zip(*self._bm25.encode_documents(texts), strict=True)
        return [
            Point(
                id=node.node_id,
                payload=node_to_metadata_dict(node, remove_text=False, flat_metadata=False),
                dense=node.get_embedding(),
                sparse=dict(zip(indices, values, strict=True)),
            )
            for node, (indices, values) in zip(nodes, sparse, strict=True)
        ]

    def _request(self, query: VectorStoreQuery, readable: edge.Filter) -> edge.QueryRequest | None:
        """None where there is nothing to rank by."""
        vectors = {name: self._vector(query, name) for name in rankings(query.mode)}
        queries = {name: vector for name, vector in vectors.items() if vector is not None}
        if not queries:
            return None
        # The filter stands in each branch: a hit that may not be read never takes a place in the fusion.
        depth = max(FUSED_HITS, query.similarity_top_k)
        return edge.QueryRequest(
            limit=query.similarity_top_k,
            prefetches=[edge.Prefetch(limit=depth, query=vector, filter=readable) for vector in queries.values()],
            query=edge.Fusion.Rrf(RRF_K, [RRF_WEIGHTS[name] for name in queries]),  # pyright: ignore[reportArgumentType] — its stub names Fusion only
            with_payload=True,
            with_vector=[DENSE],
        )

    def _vector(self, query: VectorStoreQuery, name: str) -> Any:
        """What the vectors of this name are compared with; None where no word of the query counts."""
        if name == DENSE:
            return edge.Query.Nearest(list(query.query_embedding or ()), using=DENSE)
        indices, values = self._bm25.encode_query(query.query_str or "")
        return edge.Query.Nearest(edge.SparseVector(indices, values), using=SPARSE) if indices else None

    def _settle(self, shard: edge.EdgeShard) -> None:
        with self._writing, translated("could not be written"):
            shard.optimize()
            shard.flush()


def _as_result(hits: list[edge.ScoredPoint]) -> VectorStoreQueryResult:
    nodes: list[BaseNode] = []
    for hit in hits:
        node = metadata_dict_to_node(hit.payload or {})
        node.embedding = hit.vector[DENSE] if isinstance(hit.vector, dict) else None  # pyright: ignore[reportAttributeAccessIssue]
        nodes.append(node)
    return VectorStoreQueryResult(
        nodes=nodes, similarities=[hit.score for hit in hits], ids=[str(hit.id) for hit in hits]
    )
