"""Channels whose history was taken in: how far each is read, and whether it is kept current."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.tables import channel_histories

HistoryState = Literal["reading", "broken", "followed", "stopped"]
_ALL_FOLLOWED = channel_histories.c.state != "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHistory:
    """`threads` and `files` were read so far, `failed` of them in vain; timestamps are Slack's, "" for none.

    What happened until `current_at` is taken over; `caught_up_ts` says how far back what was missed since is read.
    """

    channel: str
    person: str
    work_id: str
    ingest_id: str
    state: HistoryState
    newest_ts: str
    oldest_ts: str
    threads: int
    files: int
    failed: int
    stopped_ts: str
    current_at: datetime
    caught_up_ts: str

    @property
    def is_followed(self) -> bool:
        return self.state != "stopped"


class ChannelHistories:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, channel: str) -> ChannelHistory | None:
        query = select(channel_histories).where(channel_histories.c.channel == channel)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _history(row)

    async def begin(self, work_id: str, *, team: str, channel: str, person: str) -> ChannelHistory | None:
        """Read it from its newest message on, or go on where reading broke off; None while other work reads it.

        Begun again, it is as it was left, also where it has ended.
        """
        here = channel_histories.c.channel == channel
        anew = {
            "channel": channel, "team": team, "person": person, "work_id": work_id, "ingest_id": work_id,
            "state": "reading", "newest_ts": "", "oldest_ts": "", "threads": 0, "files": 0, "failed": 0, "stopped_ts": "",
            "current_at": datetime.now(UTC), "caught_up_ts": "",
        }  # fmt: skip
        async with self._engine.begin() as connection:
            known = (await connection.execute(select(channel_histories).where(here))).one_or_none()
            if known is not None and known.work_id == work_id:
                return _history(known)
            if known is not None and known.state == "reading":
                return None
            if known is not None and known.state == "broken":
                goes_on = {"state": "reading", "work_id": work_id}
                await connection.execute(update(channel_histories).where(here).values(goes_on))
            else:
                await connection.execute(delete(channel_histories).where(here))
                await connection.execute(insert(channel_histories).values(anew))
            return _history((await connection.execute(select(channel_histories).where(here))).one())

    async def advance(
        self,
        work_id: str,
        *,
        newest_ts: str = "",
        oldest_ts: str = "",
        threads: int = 0,
        files: int = 0,
        failed: int = 0,
    ) -> bool:
        """Note how far this work has come; False where it is to read no further: it was stopped."""
        changes: dict[str, Any] = {
            "threads": channel_histories.c.threads + threads,
            "files": channel_histories.c.files + files,
            "failed": channel_histories.c.failed + failed,
        }
        if newest_ts:
            changes["newest_ts"] = newest_ts
        if oldest_ts:
            changes["oldest_ts"] = oldest_ts
        return await self._change(_read_by(work_id), changes)

    async def end(self, work_id: str, state: Literal["followed", "broken"]) -> None:
        """What this work reads is read to its end, or as far as it could be."""
        await self._change(_read_by(work_id), {"state": state})

    async def stop(self, channel: str, at: str) -> bool:
        """Take in nothing more of it from this time on; False where it was not followed."""
        this = (channel_histories.c.channel == channel) & (channel_histories.c.state != "stopped")
        return await self._change(this, {"state": "stopped", "stopped_ts": at})

    async def stop_ingest(self, ingest_id: str, at: str) -> None:
        """The same for what an ingest took in, where that was a channel."""
        this = (channel_histories.c.ingest_id == ingest_id) & (channel_histories.c.state != "stopped")
        await self._change(this, {"state": "stopped", "stopped_ts": at})

    async def heard(self, at: datetime, *, since: datetime) -> None:
        """Events came in without a break from `since` to `at`: what was current then is current now."""
        await self._change(_ALL_FOLLOWED & (channel_histories.c.current_at >= since), {"current_at": at})

    async def behind(self, since: datetime) -> list[ChannelHistory]:
        """Those followed channels of which something from before `since` may be missing; not such as are being read."""
        query = select(channel_histories).where(
            _ALL_FOLLOWED, channel_histories.c.state != "reading", channel_histories.c.current_at < since
        )
        async with self._engine.connect() as connection:
            return [_history(row) for row in await connection.execute(query)]

    async def catch_up(self, channel: str, ts: str) -> bool:
        """What was missed is read back to this time; False where it is to be read no further: it was stopped."""
        return await self._change(_ALL_FOLLOWED & (channel_histories.c.channel == channel), {"caught_up_ts": ts})

    async def caught_up(self, channel: str, until: datetime) -> None:
        this = channel_histories.c.channel == channel
        await self._change(this, {"current_at": until, "caught_up_ts": ""})

    async def _change(self, which: ColumnElement[bool], values: dict[str, Any]) -> bool:
        async with self._engine.begin() as connection:
            return (await connection.execute(update(channel_histories).where(which).values(values))).rowcount > 0


def _read_by(work_id: str) -> ColumnElement[bool]:
    return (channel_histories.c.work_id == work_id) & (channel_histories.c.state == "reading")


def _history(row: Row[Any]) -> ChannelHistory:
    return ChannelHistory(
        channel=row.channel,
        person=row.person,
        work_id=row.work_id,
        ingest_id=row.ingest_id,
        state=row.state,
        newest_ts=row.newest_ts,
        oldest_ts=row.oldest_ts,
        threads=row.threads,
        files=row.files,
        failed=row.failed,
        stopped_ts=row.stopped_ts,
        current_at=row.current_at,
        caught_up_ts=row.caught_up_ts,
    )
