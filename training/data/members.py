"""What exports have told apart: which exchanges belong together, and on which side of the split they are."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.transactions import transaction
from training.data.signatures import Questions
from training.tables import training_clusters, training_members

Split = Literal["train", "holdout"]
SPLITS: tuple[Split, ...] = ("train", "holdout")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """`taught` is a digest of the text that its rows are about, empty where it gave none in the end.

    `signature` is empty where it is no candidate any more: what is left is its cluster, so that it can't change sides.
    """

    exchange_id: str
    cluster: str
    thread_id: str
    start: datetime
    signature: bytes
    taught: str = ""


@dataclass(slots=True, kw_only=True)
class Index:
    """Where members are found. Of several clusters on one side, the first by name stands for all."""

    by_number: dict[int, str] = field(default_factory=dict[int, str])
    by_thread: dict[str, str] = field(default_factory=dict[str, str])
    said: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])
    taught: dict[Split, set[int]] = field(default_factory=lambda: {split: set[int]() for split in SPLITS})

    def enter(self, number: int, thread_id: str, cluster: str) -> None:
        self.by_number[number] = min(cluster, self.by_number.get(number, cluster))
        if thread_id:
            self.by_thread[thread_id] = min(cluster, self.by_thread.get(thread_id, cluster))


class Members:
    """All members of all windows, and their questions by number."""

    def __init__(self) -> None:
        self.questions = Questions()
        self.splits: dict[str, Split] = {}
        self.by_id: dict[str, Member] = {}
        self._index: Index | None = None

    @classmethod
    async def load(cls, engine: AsyncEngine) -> "Members":
        """Raises JournalUnavailable."""
        loaded = cls()
        async with transaction(engine) as connection:
            loaded.splits = {row.cluster: row.split for row in await connection.execute(select(training_clusters))}
            rows = (await connection.execute(select(training_members).order_by(training_members.c.exchange_id))).all()
        loaded.by_id = {row.exchange_id: _member(row) for row in rows}
        loaded.questions.add(each.signature for each in loaded.by_id.values() if each.signature)
        return loaded

    def of_window(self, start: datetime) -> list[Member]:
        return [each for each in self.by_id.values() if each.start == start]

    def index_without(self, start: datetime, exchange_ids: Collection[str]) -> Index:
        """Of all members but a window's own, which is about to be placed anew."""
        leaves_out = self.of_window(start) or any(exchange_id in self.by_id for exchange_id in exchange_ids)
        if leaves_out:
            others = (each for each in self.by_id.values() if each.start != start)
            return self._indexed(Index(), (each for each in others if each.exchange_id not in exchange_ids))
        if self._index is None:
            self._index = self._indexed(Index(), self.by_id.values())
        return self._index

    def replace(self, start: datetime, members: Collection[Member], clusters: dict[str, Split]) -> None:
        """A window was exported anew: these are its members now."""
        self.splits |= clusters
        gone = {each.exchange_id for each in (*self.of_window(start), *members)} & self.by_id.keys()
        for exchange_id in gone:
            del self.by_id[exchange_id]
        self.by_id |= {each.exchange_id: each for each in members}
        if self._index is not None:
            self._index = None if gone else self._indexed(self._index, members)

    def _indexed(self, index: Index, members: Iterable[Member]) -> Index:
        for each in members:
            if not each.signature:
                continue
            number = self.questions.number(each.signature)
            index.enter(number, each.thread_id, each.cluster)
            if each.taught:
                index.said.add((number, each.taught))
                index.taught[self.splits[each.cluster]].add(number)
        return index


def _member(row: Row[Any]) -> Member:
    return Member(
        exchange_id=row.exchange_id,
        cluster=row.cluster,
        thread_id=row.thread_id,
        start=row.start,
        signature=row.signature,
        taught=row.taught,
    )


async def store_members(
    connection: AsyncConnection, start: datetime, members: Collection[Member], clusters: dict[str, Split]
) -> None:
    """Within a transaction of the caller's: what `Members.replace` does in memory."""
    table = training_members.c
    await connection.execute(delete(training_members).where(table.start == start))
    rows = [{name: getattr(each, name) for name in Member.__slots__} for each in members]
    for at in range(0, len(rows), _AT_ONCE):
        some = rows[at : at + _AT_ONCE]
        # An exchange that was recorded anew after midnight stood in another window before.
        await connection.execute(
            delete(training_members).where(table.exchange_id.in_([row["exchange_id"] for row in some]))
        )
        await connection.execute(insert(training_members), some)
    if clusters:
        await connection.execute(
            insert(training_clusters), [{"cluster": name, "split": split} for name, split in clusters.items()]
        )
