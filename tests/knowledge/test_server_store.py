import pytest
from qdrant_client import AsyncQdrantClient, models

from knowledge.audience import EVERYONE
from knowledge.documents import Document
from knowledge.errors import IndexUnavailable
from knowledge.index import PassageIndex
from knowledge.server_store import ServerStore
from tests.knowledge.fakes import WordEmbedding

PAGE = Document(uri="file:///leave", title="Leave", text="holiday", scope="public")


async def test_the_collection_has_the_embedded_layout() -> None:
    client = AsyncQdrantClient(":memory:")
    index = PassageIndex(store=ServerStore(client, "tandem"), embedding=WordEmbedding(), chunk_tokens=220)
    await index.add(PAGE)
    layout = (await client.get_collection("tandem")).config.params
    assert isinstance(layout.vectors, dict)
    assert layout.sparse_vectors is not None
    assert layout.vectors["dense"].distance == models.Distance.COSINE
    assert layout.sparse_vectors["bm25"].modifier == models.Modifier.IDF


async def test_a_cleared_store_leaves_no_collection_and_may_be_filled_again() -> None:
    client = AsyncQdrantClient(":memory:")
    store = ServerStore(client, "tandem")
    await store.aclear()
    index = PassageIndex(store=store, embedding=WordEmbedding(), chunk_tokens=220)
    await index.add(PAGE)
    await store.aclear()
    assert (await client.get_collections()).collections == []
    assert await index.search("holiday", EVERYONE, limit=3) == []
    await index.add(PAGE)
    assert len(await index.search("holiday", EVERYONE, limit=3)) == 1


async def test_a_server_that_is_away_is_said_to_be() -> None:
    client = AsyncQdrantClient(url="http://127.0.0.1:9", timeout=2, check_compatibility=False)
    index = PassageIndex(store=ServerStore(client, "tandem"), embedding=WordEmbedding(), chunk_tokens=220)
    with pytest.raises(IndexUnavailable, match="TANDEM_QDRANT_URL"):
        await index.search("holiday", EVERYONE, limit=3)
    with pytest.raises(IndexUnavailable):
        await index.add(PAGE)
