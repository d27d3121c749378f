# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# LlamaIndex's metadata dicts are untyped.
"""Passages in and out of a LlamaIndex vector store: chunked, embedded, searched within an audience."""

import asyncio
import re
import shutil
import uuid
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from operator import mul
from pathlib import Path
from tempfile import TemporaryDirectory

from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode
from qdrant_client import AsyncQdrantClient

from knowledge.audience import Audience
from knowledge.chunking import HeadingChunker, as_node
from knowledge.documents import Document, Passage, cut_as
from knowledge.edge_store import EdgeStore
from knowledge.embedding import open_embedding
from knowledge.filters import UNFILTERED, SearchFilter
from knowledge.in_service import IndexChange
from knowledge.layout import MODIFIED, PassageStore, of_document, readable_by
from knowledge.ownership import Ownership
from knowledge.server_store import CollectionLayout, ServerStore
from knowledge.settings import KnowledgeSettings
from knowledge.threaded import ThreadedEmbedding


class SearchMode(StrEnum):
    """What a search ranks by: meaning, words, or both rankings fused."""

    DENSE = "dense"
    BM25 = "bm25"
    HYBRID = "hybrid"


_QUERY_MODES = {
    SearchMode.DENSE: VectorStoreQueryMode.DEFAULT,
    SearchMode.BM25: VectorStoreQueryMode.SPARSE,
    SearchMode.HYBRID: VectorStoreQueryMode.HYBRID,
}


# Each costs an embedding while a question waits.
_COMPARED = 16


class PassageIndex:
    """Holds versions of documents; which of them answers is the catalogue's to say."""

    def __init__(self, *, store: PassageStore, embedding: ThreadedEmbedding, chunk_tokens: int) -> None:
        self._store = store
        self._embedding = embedding
        self._chunk_tokens = chunk_tokens
        self._chunker = HeadingChunker(chunk_tokens=chunk_tokens, count_tokens=embedding.count_tokens)

    @property
    def store(self) -> PassageStore:
        return self._store

    @property
    def change(self) -> IndexChange | None:
        """None: no other is being built."""
        return None

    async def build(self) -> None:
        """It is whole already."""

    @property
    def way_of_cutting(self) -> str:
        """Names the way in which documents are cut now."""
        return cut_as(self._chunk_tokens)

    def content_hash(self, document: Document) -> str:
        """The version that `add` would write of it."""
        return document.content_hash(chunk_tokens=self._chunk_tokens)

    async def add(self, document: Document) -> int:
        """Write this version beside any other and return its number of chunks. Writing it again changes nothing."""
        chunks = await self.cut(document)
        await self.add_chunks(chunks)
        return len(chunks)

    async def cut(self, document: Document) -> list[BaseNode]:
        node = as_node(document, content_hash=self.content_hash(document))
        return list(await asyncio.to_thread(self._chunker, [node]))

    async def add_chunks(self, chunks: Sequence[BaseNode]) -> None:
        await self._store.async_add(await asyncio.to_thread(self._embedding, list(chunks)))

    async def vectors_of(self, chunks: Sequence[BaseNode]) -> list[list[float]]:
        """What `add_chunks` would store of them."""
        return [node.get_embedding() for node in await asyncio.to_thread(self._embedding, list(chunks))]

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of questions or the like."""
        return await asyncio.to_thread(self._embedding.get_text_embedding_batch, list(texts))

    async def embed_question(self, text: str) -> list[float]:
        return await self._embedding.aget_query_embedding(text)

    async def compared(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        """Passages that another ranking found, the first ones with the similarity that this model gives them."""
        compared = passages[:_COMPARED]
        texts = [f"{passage.heading}\n{passage.text}" for passage in compared]
        asked = await self._embedding.aget_query_embedding(query)
        vectors = await asyncio.to_thread(self._embedding.get_text_embedding_batch, texts)
        near = [
            replace(each, similarity=sum(map(mul, asked, vector)))
            for each, vector in zip(compared, vectors, strict=True)
        ]
        return [*near, *(replace(each, similarity=0.0) for each in passages[_COMPARED:])]

    async def measure(self, document: Document) -> int:
        """How many chunks `add` would write of it."""
        node = as_node(document, content_hash=self.content_hash(document))
        return len(await asyncio.to_thread(lambda: list(self._chunker.chunks_of(node))))

    async def search(
        self,
        query: str,
        audience: Audience,
        *,
        limit: int,
        only: SearchFilter = UNFILTERED,
        mode: SearchMode = SearchMode.HYBRID,
    ) -> list[Passage]:
        """The passages nearest to the query, best first, of any version; those the audience may read only."""
        embedding = await self._embedding.aget_query_embedding(query)
        found = await self._store.aquery(
            VectorStoreQuery(
                query_embedding=embedding,
                query_str=query,
                similarity_top_k=limit,
                mode=_QUERY_MODES[mode],
                filters=readable_by(audience, only),
            )
        )
        hits = zip(found.nodes or (), found.similarities or (), strict=True)
        return [_as_passage(node, score, embedding) for node, score in hits]

    async def chunks(self, chunk_ids: Collection[str], audience: Audience) -> dict[str, Passage]:
        """Chunks by id, those the audience may read only; what is not there is left out. They have no score."""
        if not chunk_ids:
            return {}
        found = await self._store.aget_nodes(sorted(chunk_ids), readable_by(audience))
        return {node.node_id: _as_passage(node, 0.0, []) for node in found}

    async def count(self, document_id: str) -> int:
        """How many chunks of a document there are, of all its versions."""
        return (await self.counts([document_id])).get(document_id, 0)

    async def counts(self, document_ids: Collection[str]) -> dict[str, int]:
        """How many chunks of each of these documents there are; those without any are absent."""
        return await self._store.counts(list(document_ids))

    async def held(self, document_ids: Collection[str]) -> dict[str, int]:
        """The same, also in an index that is being built: there is none."""
        return await self.counts(document_ids)

    async def remove(self, document_id: str, *, all_but: str | None = None) -> None:
        """Remove a document's chunks, or those of all versions but one."""
        await self._store.adelete_nodes(filters=of_document(document_id, other_than=all_but))

    async def settle(self) -> None:
        await self._store.settle()

    async def warm_up(self) -> None:
        await self._embedding.aget_query_embedding("warm")

    async def close(self) -> None:
        await self._store.aclose()


def open_index(settings: KnowledgeSettings) -> PassageIndex:
    """Raises IndexUnavailable if another process owns the embedded index."""
    store = open_store(settings, index_name(settings))
    return PassageIndex(store=store, embedding=open_embedding(settings), chunk_tokens=settings.chunk_tokens)


def open_store(settings: KnowledgeSettings, name: str) -> PassageStore:
    """The index of this name, embedded or on the server that is set. Raises IndexUnavailable as `open_index` does."""
    if settings.qdrant_url:
        return ServerStore(_server(settings), f"tandem-{name}", _layout(settings))
    return EdgeStore(Path(settings.home, "index", name))


async def remove_store(settings: KnowledgeSettings, name: str) -> None:
    """Remove the index of this name, whatever state it is in. Raises IndexUnavailable as `open_index` does."""
    if settings.qdrant_url:
        store = ServerStore(_server(settings), f"tandem-{name}")
        await store.aclear()
        await store.aclose()
        return
    folder = Path(settings.home, "index", name)
    # Not opened: a process may have been killed while it removed the same one.
    ownership = await asyncio.to_thread(Ownership, folder)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    ownership.release()


def index_name(settings: KnowledgeSettings) -> str:
    """Named for the embedding model: an index holds the vectors of one."""
    return re.sub(r"[^a-z0-9.-]+", "-", settings.embedding_name.lower())


@asynccontextmanager
async def temporary_index(settings: KnowledgeSettings) -> AsyncGenerator[PassageIndex]:
    """An empty index beside the team's, gone afterwards: in a folder, or in a collection of the server that is set."""
    embedding = open_embedding(settings)
    async with AsyncExitStack() as stack:
        if settings.qdrant_url:
            store = ServerStore(_server(settings), f"tandem-temporary-{uuid.uuid4().hex}", _layout(settings))
            stack.push_async_callback(store.aclose)
            stack.push_async_callback(store.aclear)
        else:
            store = EdgeStore(Path(stack.enter_context(TemporaryDirectory(prefix="tandem-index-"))))
            stack.push_async_callback(store.aclose)
        yield PassageIndex(store=store, embedding=embedding, chunk_tokens=settings.chunk_tokens)


def _layout(settings: KnowledgeSettings) -> CollectionLayout:
    return CollectionLayout(
        shards=settings.qdrant_shards,
        replicas=settings.qdrant_replicas,
        write_consistency=settings.qdrant_write_consistency,
        payload_on_disk=settings.qdrant_payload_on_disk,
        is_quantized=settings.qdrant_quantization == "int8",
    )


def _server(settings: KnowledgeSettings) -> AsyncQdrantClient:
    return AsyncQdrantClient(
        url=settings.qdrant_url,
        api_key=settings.qdrant_api_key.get_secret_value() or None,
        timeout=settings.qdrant_timeout_s,
        check_compatibility=False,
    )


def _as_passage(node: BaseNode, score: float, query: list[float]) -> Passage:
    if not isinstance(node, TextNode):
        raise TypeError("The index holds text nodes only")
    metadata = node.metadata
    return Passage(
        chunk_id=node.node_id,
        document_id=node.ref_doc_id or "",
        title=metadata["title"],
        uri=metadata["uri"],
        section=metadata["section"],
        text=node.text,
        scope=metadata["scope"],
        content_hash=metadata["content_hash"],
        score=score,
        # Both are of length one, so this is the cosine.
        similarity=sum(map(mul, query, node.embedding or ())),
        number=metadata.get("number"),
        modified_at=datetime.fromtimestamp(metadata[MODIFIED], UTC) if MODIFIED in metadata else None,
    )
