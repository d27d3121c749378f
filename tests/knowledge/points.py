"""What lies in an embedded index, point for point."""

from pathlib import Path
from typing import Any

import qdrant_edge as edge

from knowledge.layout import DENSE, SPARSE


def points_in(shard: edge.EdgeShard) -> dict[str, tuple[dict[str, Any], list[float], dict[int, float]]]:
    """Payload, dense vector and sparse vector by the point's id."""
    found: dict[str, tuple[dict[str, Any], list[float], dict[int, float]]] = {}
    offset: Any = None
    while True:
        request = edge.ScrollRequest(offset=offset, limit=500, with_payload=True, with_vector=[DENSE, SPARSE])
        records, offset = shard.scroll(request)
        for record in records:
            vectors: Any = record.vector
            sparse = vectors[SPARSE]
            terms = dict(zip(sparse.indices, sparse.values, strict=True))
            found[str(record.id)] = (dict(record.payload or {}), list(vectors[DENSE]), terms)
        if offset is None:
            return found


def points_on_disk(folder: Path) -> dict[str, tuple[dict[str, Any], list[float], dict[int, float]]]:
    """Of an index that no process has open."""
    shard = edge.EdgeShard.load(str(folder / "shard"))
    try:
        return points_in(shard)
    finally:
        shard.close()
