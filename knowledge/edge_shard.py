# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# qdrant_edge's unions are untyped.
"""A shard of Qdrant Edge with the index's layout: made, opened, and read and written point by point."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import qdrant_edge as edge

from knowledge.errors import IndexUnavailable
from knowledge.layout import DENSE, INDEXED_KEYS, SPARSE, as_point
from knowledge.points import Point

_POINTS_PER_UPDATE = 256


def create_shard(folder: Path, *, dimensions: int) -> edge.EdgeShard:
    folder.mkdir(parents=True, exist_ok=True)
    shard = edge.EdgeShard.create(
        str(folder),
        edge.EdgeConfig(
            vectors={DENSE: edge.EdgeVectorParams(size=dimensions, distance=edge.Distance.Cosine)},
            sparse_vectors={SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
            # The text of what is found is read with each search: from the disk, that is half of its time.
            payload_memory=edge.Memory.Cached,
        ),
    )
    _index_keys(shard)
    return shard


def load_shard(folder: Path) -> edge.EdgeShard:
    shard = edge.EdgeShard.load(str(folder))
    _index_keys(shard)
    return shard


def write_points(shard: edge.EdgeShard, points: Sequence[Point]) -> None:
    written = [
        edge.Point(
            point.id,
            {
                DENSE: list(point.dense),
                SPARSE: edge.SparseVector(list(point.sparse.keys()), list(point.sparse.values())),
            },
            dict(point.payload),
        )
        for point in points
    ]
    for start in range(0, len(written), _POINTS_PER_UPDATE):
        shard.update(edge.UpdateOperation.upsert_points(written[start : start + _POINTS_PER_UPDATE]))


def read_ids(shard: edge.EdgeShard, after: str | None, limit: int) -> tuple[list[str], str | None]:
    request = edge.ScrollRequest(offset=after, limit=limit, with_payload=False, with_vector=False)
    records, following = shard.scroll(request)
    return [str(record.id) for record in records], None if following is None else str(following)


def read_points(shard: edge.EdgeShard, ids: Sequence[str]) -> list[Point]:
    return [as_point(record) for record in shard.retrieve(list(ids), with_payload=True, with_vector=[DENSE, SPARSE])]


@contextmanager
def translated(what: str) -> Generator[None]:
    try:
        yield
    except Exception as error:
        # The binding raises bare Exception for whatever goes wrong in the engine.
        raise IndexUnavailable(f"The document index {what}; `tandem doctor` says more") from error


def _index_keys(shard: edge.EdgeShard) -> None:
    """Those that lack: an index may be older than some of the keys."""
    kinds = {"keyword": edge.PayloadSchemaType.Keyword, "integer": edge.PayloadSchemaType.Integer}
    known = shard.info().payload_schema
    for key, kind in INDEXED_KEYS.items():
        if key not in known:
            shard.update(edge.UpdateOperation.create_field_index(key, kinds[kind]))
