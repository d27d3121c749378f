"""The request that makes a collection, as a server would get it; no server runs here."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from knowledge.index import open_store
from knowledge.points import Point
from knowledge.settings import KnowledgeSettings
from tests.knowledge.fakes import application_served

POINT = Point(id="5959bdd0-f1ec-5031-99e4-4fc5d4c6fe78", payload={"scope": "public"}, dense=[1.0, 0.0], sparse={7: 1.5})
# What was sent before there were settings for it.
PLAIN = {
    "vectors": {"dense": {"size": 2, "distance": "Cosine"}},
    "sparse_vectors": {"bm25": {"modifier": "idf"}},
}


class Listening:
    """Answers as a Qdrant server without a collection does, and keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.made: dict[str, Any] = {}
        self.upserts = 0

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        result: Any = True
        match request.method, request.path.split("/")[3:]:
            case "GET", ["exists"]:
                result = {"exists": False}
            case "PUT", []:
                self.made = json.loads(body)
            case "PUT", ["points"]:
                self.upserts += 1
                result = {"operation_id": 1, "status": "completed"}
            case _:
                result = {"operation_id": 1, "status": "completed"}
        return web.json_response({"result": result, "status": "ok", "time": 0.0})


@pytest.fixture
async def server() -> AsyncIterator[Listening]:
    listening = Listening()
    async with application_served(web.route("*", "/{any:.*}", listening.answer)) as listening.url:
        yield listening


async def collection_made(server: Listening, **settings: Any) -> dict[str, Any]:
    store = await asyncio.to_thread(open_store, KnowledgeSettings(qdrant_url=server.url, **settings), "words")
    await store.put([POINT])
    await store.aclose()
    assert server.upserts == 1
    return server.made


async def test_without_settings_the_collection_is_the_one_of_always(server: Listening) -> None:
    assert await collection_made(server) == PLAIN


async def test_a_cluster_is_told_how_to_spread_and_keep_the_passages(server: Listening) -> None:
    made = await collection_made(
        server, qdrant_shards=6, qdrant_replicas=2, qdrant_write_consistency=2, qdrant_payload_on_disk=True
    )
    assert made == PLAIN | {
        "shard_number": 6,
        "replication_factor": 2,
        "write_consistency_factor": 2,
        "on_disk_payload": True,
    }


async def test_int8_keeps_small_vectors_in_memory_and_whole_ones_on_disk(server: Listening) -> None:
    made = await collection_made(server, qdrant_quantization="int8")
    assert made["quantization_config"] == {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}}
    assert made["vectors"]["dense"] == {"size": 2, "distance": "Cosine", "on_disk": True}


def test_more_confirmations_than_copies_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="TANDEM_QDRANT_REPLICAS"):
        KnowledgeSettings(home=tmp_path, qdrant_replicas=1, qdrant_write_consistency=2)
