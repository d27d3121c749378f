"""What exports have told apart: which exchanges belong together, and on which side of the split they are."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
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


class Members:
    """All members of all windows, and their questions by number."""

    def __init__(self) -> None:
        self.questions = Questions()
        self.splits: dict[str, Split] = {}
        self.by_id: dict[str, Member] = {}

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

    def replace(self, start: datetime, members: Iterable[Member], clusters: dict[str, Split]) -> None:
        """A window was exported anew: these are its members now."""
        self.splits |= clusters
        gone = [each.exchange_id for each in self.by_id.values() if each.start == start]
        for exchange_id in gone:
            del self.by_id[exchange_id]
        self.by_id |= {each.exchange_id: each for each in members}


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
    rows = [asdict(each) for each in members]
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
