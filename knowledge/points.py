"""Points as they lie in a store: what another store needs to hold the very same ones."""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# A store may round once more in single precision when it takes a vector in.
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A chunk as stored: `dense` of length one, `sparse` the weights of its terms, which may be none."""

    id: str
    payload: Mapping[str, Any]
    dense: Sequence[float]
    sparse: Mapping[int, float]

    def is_same_as(self, other: "Point") -> bool:
        return (
            self.id == other.id
            and self.payload == other.payload
            and _near(self.dense, other.dense)
            and self.sparse.keys() == other.sparse.keys()
            and _near(list(self.sparse.values()), [other.sparse[term] for term in self.sparse])
        )


class PointStore(Protocol):
    """A store seen as its points; the embedded index and a server's collection are both."""

    async def ids(self, after: str | None, limit: int) -> tuple[list[str], str | None]:
        """The ids of a page of points, in the order of their ids, and where the next page begins; None at the end."""
        ...

    async def points(self, ids: Sequence[str]) -> list[Point]:
        """Those of these points that are there."""
        ...

    async def put(self, points: Sequence[Point]) -> None:
        """Write points as they are; one of the same id is replaced."""
        ...

    async def drop(self, ids: Sequence[str]) -> None: ...
    async def total(self) -> int: ...
    async def aclear(self) -> None:
        """Remove the index itself."""
        ...

    async def settle(self) -> None:
        """Make what was added durable and quick to search."""
        ...


async def pages(store: PointStore, size: int) -> AsyncIterator[list[str]]:
    """The ids of all points, by pages."""
    after: str | None = None
    while True:
        ids, after = await store.ids(after, size)
        if ids:
            yield ids
        if after is None:
            return


async def lacking(store: PointStore, ids: Sequence[str]) -> list[str]:
    """Those of these points that are not there."""
    held = {point.id for point in await store.points(ids)}
    return [each for each in ids if each not in held]


def _near(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(
        math.isclose(left, right, rel_tol=_ROUNDING, abs_tol=_ROUNDING) for left, right in zip(one, other, strict=True)
    )
