"""Made-up chunks into an embedded index, for `search` to ask."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from llama_index.core.schema import TextNode
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.edge_store import EdgeStore
from knowledge.tables import documents
from tests.benchmarks.made_up import MadeUp, MadeUpDocument
from tests.benchmarks.measuring import disk_mb, memory_mb
from tests.benchmarks.opening import opened_engine

DOCUMENTS_AT_ONCE = 100


async def main(chunks: int, home: Path) -> None:
    store = EdgeStore(home / "index")
    seconds = 0.0
    async with opened_engine(home) as engine:
        made_up = MadeUp(seed=1).documents(chunks)
        while held := list(islice(made_up, DOCUMENTS_AT_ONCE)):
            seconds += await timed_add(store, [node for each in held for node in each.nodes])
            await list_them(engine, held)
    began = time.perf_counter()
    await store.settle()
    settle_seconds = time.perf_counter() - began
    await store.aclose()
    print(
        json.dumps(
            {
                "add_seconds": round(seconds, 1),
                "chunks_per_second": round(chunks / seconds),
                "settle_seconds": round(settle_seconds, 1),
                "disk_mb": disk_mb(home / "index"),
                "memory_peak_mb": memory_mb(),
            }
        )
    )


async def timed_add(store: EdgeStore, nodes: list[TextNode]) -> float:
    began = time.perf_counter()
    await store.async_add(nodes)
    return time.perf_counter() - began


async def list_them(engine: AsyncEngine, held: list[MadeUpDocument]) -> None:
    now = datetime.now(UTC)
    rows = [
        {
            "id": each.document.id,
            "uri": each.document.uri,
            "title": each.document.title,
            "scope": each.document.scope,
            "content_hash": each.content_hash,
            "chunks": len(each.nodes),
            "ingested_at": now,
            "added_at": now,
            "number": each.number,
            "place": each.document.uri,
            "added_by": "",
            "added_in": "",
            "ingest_id": "",
            "cut": "",
            "fingerprint": "",
            "overheard": False,
            "validator_url": "",
            "etag": "",
            "last_modified": "",
        }
        for each in held
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(documents), rows)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
