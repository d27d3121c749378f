"""The same chunks in qdrant-client's local mode: dense searches only, which is the less for it to do."""

import json
import sys
import time

from qdrant_client import QdrantClient, models

from knowledge.layout import SCOPE
from tests.benchmarks.made_up import DIMENSIONS, MadeUp
from tests.benchmarks.measuring import memory_mb, spread

SEARCHES = 20


def main(chunks: int) -> None:
    client = QdrantClient(":memory:")
    client.create_collection(
        "chunks", vectors_config=models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
    )
    began = time.perf_counter()
    for each in MadeUp(seed=1).documents(chunks):
        client.upsert(
            "chunks",
            [
                models.PointStruct(
                    id=node.node_id,
                    vector=node.get_embedding(),
                    payload={SCOPE: each.document.scope, "text": node.text},
                )
                for node in each.nodes
            ],
        )
    built = time.perf_counter() - began
    made_up = MadeUp(seed=2)
    seconds = []
    for vector in made_up.vectors(SEARCHES):
        scopes = sorted(made_up.audience().scopes)
        began = time.perf_counter()
        found = client.query_points(
            "chunks",
            query=vector,
            query_filter=models.Filter(must=[models.FieldCondition(key=SCOPE, match=models.MatchAny(any=scopes))]),
            limit=16,
        )
        seconds.append(time.perf_counter() - began)
        assert found.points
    print(json.dumps({**spread(seconds), "build_seconds": round(built, 1), "memory_mb": memory_mb()}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
