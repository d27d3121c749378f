"""One index copied into another, point for point: the embedded one into a server's, and back. Nothing is embedded anew."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from operator import mul

from knowledge.errors import NotMigrated
from knowledge.index import open_store
from knowledge.layout import PassageStore
from knowledge.points import Point, PointStore, lacking, pages
from knowledge.settings import KnowledgeSettings

EMBEDDED = "embedded"
_BATCH = 256
_SAMPLE = 100
# The same text embedded twice by one model differs by rounding alone; by another model, by much more.
_SAME_MODEL = 0.98

Progress = Callable[[int, int], None]
"""Points looked at so far, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What was done to the target. `unchanged` points were there already, as they should be."""

    points: int
    copied: int
    unchanged: int
    removed: int


async def migrate(
    settings: KnowledgeSettings, name: str, *, source: str, target: str, replace: bool, progress: Progress
) -> Migrated:
    """Copy the index of this name at `source` to `target`, each `embedded` or a Qdrant server's address.

    Raises NotMigrated as `copy_index` does, and IndexUnavailable where a running bot owns the embedded index.
    """
    if source == target:
        raise NotMigrated(f"Both ends are {target}: name another with --from or --to")
    async with _opened(settings, name, source) as here, _opened(settings, name, target) as there:
        return await copy_index(here, there, replace=replace, progress=progress)


async def copy_index(source: PointStore, target: PointStore, *, replace: bool, progress: Progress) -> Migrated:
    """Make the target hold the source's points, and those alone. What is there already is not written again.

    Raises NotMigrated, before anything is written, where the source is empty, the target's vectors are another model's,
    or the target holds points that the source lacks and they are not to be replaced; and afterwards where the two differ.
    """
    if not await source.total():
        raise NotMigrated("There is nothing to copy: no passage lies in the index that is copied from")
    await _refuse_other_model(source, target)
    others = [other async for ids in pages(target, _BATCH) for other in await lacking(source, ids)]
    if others and not replace:
        raise NotMigrated(
            f"The target holds {len(others)} passages that the source lacks: it may be the newer one. "
            "Copy the other way, or remove them with --replace"
        )
    copied, sample = await _copy(source, target, progress)
    for start in range(0, len(others), _BATCH):
        await target.drop(others[start : start + _BATCH])
    await target.settle()
    total = await _verify(source, target, sample)
    return Migrated(points=total, copied=copied, unchanged=total - copied, removed=len(others))


async def _copy(source: PointStore, target: PointStore, progress: Progress) -> tuple[int, list[str]]:
    """How many points were written, and the ids of some from all over."""
    total = await source.total()
    copied = done = 0
    every = max(1, total // _SAMPLE)
    sample: list[str] = []
    progress(done, total)
    async for ids in pages(source, _BATCH):
        there = {point.id: point for point in await target.points(ids)}
        points = await source.points(ids)
        wanted = [point for point in points if point.id not in there or not point.is_same_as(there[point.id])]
        await target.put(wanted)
        sample.extend(each for number, each in zip(count(done), ids, strict=False) if number % every == 0)
        copied += len(wanted)
        done += len(ids)
        progress(done, total)
    return copied, sample


async def _verify(source: PointStore, target: PointStore, sample: Sequence[str]) -> int:
    """The number of points in both. Raises NotMigrated where it is not the same, or one of the sample is not."""
    here, there = await source.total(), await target.total()
    if here != there:
        raise NotMigrated(
            f"The copy is not whole: {here} passages in the source, {there} in the target. "
            "Stop what writes to them, and run it again"
        )
    for start in range(0, len(sample), _BATCH):
        ids = sample[start : start + _BATCH]
        copies = {point.id: point for point in await target.points(ids)}
        for point in await source.points(ids):
            if point.id not in copies or not point.is_same_as(copies[point.id]):
                raise NotMigrated(f"The copy differs from the source at the passage {point.id}: run it again")
    return there


async def _refuse_other_model(source: PointStore, target: PointStore) -> None:
    """By the length of the vectors, and by those of passages that both hold."""
    ids, _ = await target.ids(None, _BATCH)
    held = await target.points(ids)
    first, _ = await source.ids(None, 1)
    here = {point.id: point for point in await source.points([*first, *ids])}
    for point in held:
        twin = here.get(point.id)
        other = twin or here[first[0]]
        is_other = len(point.dense) != len(other.dense) or (twin is not None and not _is_by_one_model(point, twin))
        if is_other:
            raise NotMigrated(
                "The target holds vectors of another embedding model: set TANDEM_EMBEDDING_MODEL to the one that the "
                "source was made with, or remove the target's index first"
            )


def _is_by_one_model(one: Point, other: Point) -> bool:
    return sum(map(mul, one.dense, other.dense)) >= _SAME_MODEL


@asynccontextmanager
async def _opened(settings: KnowledgeSettings, name: str, place: str) -> AsyncGenerator[PassageStore]:
    at = settings.model_copy(update={"qdrant_url": "" if place == EMBEDDED else place})
    store = await asyncio.to_thread(open_store, at, name)
    try:
        yield store
    finally:
        await store.aclose()
