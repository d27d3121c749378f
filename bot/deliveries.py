"""Which question is being answered, in which version, by which messages."""

import re
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.tables import answer_messages, deliveries

_REDONE = ":redo:"
_KEY_PARTS = 4
_ORIGINS = ("slack", "cli")
_WHOLE = re.compile(r"(slack:[^:]+:[^:]+:[\d.]+|cli:[^:]+)(:.+)?")
State = Literal["open", "answered", "failed", "withdrawn"]
Claim = Literal["new", "resumed", "revised"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A message put to the bot, as it was stored. `version` is "" or the time of the edit or retry.

    `route` is the one that a person asked for with a button under the answer, else "".
    """

    key: str
    exchange_id: str
    team: str
    channel: str
    ts: str
    thread_ts: str
    user: str
    text: str
    version: str = ""
    route: str = ""


def by_route(asked: Asked, route: str, *, user: str) -> Asked:
    """The same question, asked by `user` to be answered by that route beside the answer that it has."""
    redone = f"{_REDONE}{route}"
    return replace(asked, key=asked.key + redone, exchange_id=asked.exchange_id + redone, user=user, route=route)


def question_of(exchange_id: str) -> str:
    """The key of the question that an exchange answers: an edit's, a retry's or another route's id continues it."""
    return ":".join(exchange_id.split(":")[:_KEY_PARTS])


def is_cut_off(exchange_id: str) -> bool:
    """Whether it only begins like the ids of a workspace's exchanges, a channel's or the command line's, which all continue it."""
    return exchange_id.split(":", maxsplit=1)[0] in _ORIGINS and not _WHOLE.fullmatch(exchange_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    asked: Asked
    state: State


class Deliveries:
    """The two tables of `bot.tables`, on SQLite or PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(self, asked: Asked) -> Claim | None:
        """Take the question on; None where there is nothing to do: it is answered, or a later version or deletion came."""
        async with self._engine.begin() as connection:
            found = await connection.execute(select(deliveries).where(deliveries.c.question_key == asked.key))
            row = found.mappings().one_or_none()
            if row is None:
                await connection.execute(
                    insert(deliveries).values(**_columns(asked), state="open", updated_at_us=_now_us())
                )
                return "new"
            if row["exchange_id"] == asked.exchange_id:
                return "resumed" if row["state"] == "open" else None
            if row["state"] == "withdrawn" or row["version"] >= asked.version:
                return None
            changed = {**_columns(asked), "state": "open", "updated_at_us": _now_us()}
            await connection.execute(update(deliveries).where(deliveries.c.question_key == asked.key).values(changed))
            return "revised"

    async def settle(self, exchange_id: str, key: str, state: State) -> None:
        """Mark the outcome, unless a later version has taken the question over, or it was withdrawn."""
        is_mine = (deliveries.c.question_key == key) & (deliveries.c.exchange_id == exchange_id)
        mine = is_mine & (deliveries.c.state != "withdrawn")
        async with self._engine.begin() as connection:
            await connection.execute(update(deliveries).where(mine).values(state=state, updated_at_us=_now_us()))

    async def withdraw(self, asked: Asked) -> None:
        """The question is gone: remember that it must not be answered, and forget what it said."""
        try:
            await self._withdraw(asked)
        except IntegrityError:  # it was claimed meanwhile
            await self._withdraw(asked)

    async def _withdraw(self, asked: Asked) -> None:
        gone = {**_columns(asked), "text": "", "state": "withdrawn", "updated_at_us": _now_us()}
        async with self._engine.begin() as connection:
            kept = {name: gone[name] for name in ("text", "state", "version", "updated_at_us")}
            known = await connection.execute(
                update(deliveries).where(deliveries.c.question_key == asked.key).values(kept)
            )
            if known.rowcount == 0:
                await connection.execute(insert(deliveries).values(gone))

    async def find(self, key: str) -> Delivery | None:
        async with self._engine.connect() as connection:
            found = await connection.execute(select(deliveries).where(deliveries.c.question_key == key))
            row = found.mappings().one_or_none()
        return None if row is None else _delivery(row)

    async def redone(self, key: str) -> list[Delivery]:
        """A question's answers by other routes."""
        its_own = deliveries.c.question_key.startswith(f"{key}{_REDONE}", autoescape=True)
        async with self._engine.connect() as connection:
            return [_delivery(row) for row in (await connection.execute(select(deliveries).where(its_own))).mappings()]

    async def forget(self, key: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(delete(deliveries).where(deliveries.c.question_key == key))

    async def in_thread(self, channel: str, thread_ts: str) -> list[Delivery]:
        """The thread's questions that were not withdrawn, oldest first; of one answered twice, the later answer last."""
        here = (deliveries.c.channel == channel) & (deliveries.c.thread_ts == thread_ts)
        query = select(deliveries).where(here & (deliveries.c.state != "withdrawn"))
        query = query.order_by(deliveries.c.question_ts, deliveries.c.updated_at_us)
        async with self._engine.connect() as connection:
            return [_delivery(row) for row in (await connection.execute(query)).mappings()]

    async def took_part(self, channel: str, thread_ts: str) -> bool:
        here = (deliveries.c.channel == channel) & (deliveries.c.thread_ts == thread_ts)
        async with self._engine.connect() as connection:
            return bool((await connection.execute(select(exists().where(here)))).scalar())

    async def own(self, owner: str, channel: str, message_ts: str, part: int) -> bool:
        """Claim a message for a question or another piece of work; False if it is taken."""
        try:
            async with self._engine.begin() as connection:
                values = {"channel": channel, "message_ts": message_ts, "owner": owner, "part": part}
                await connection.execute(insert(answer_messages).values(values))
        except IntegrityError:
            return False
        return True

    async def disown(self, channel: str, message_ts: str) -> None:
        this = (answer_messages.c.channel == channel) & (answer_messages.c.message_ts == message_ts)
        async with self._engine.begin() as connection:
            await connection.execute(delete(answer_messages).where(this))

    async def messages(self, owner: str) -> list[str]:
        """The timestamps of an owner's messages, first part first."""
        query = (
            select(answer_messages.c.message_ts)
            .where(answer_messages.c.owner == owner)
            .order_by(answer_messages.c.part)
        )
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).scalars())

    async def owned(self, channel: str, message_ts: str) -> str | None:
        """Who owns a message."""
        this = (answer_messages.c.channel == channel) & (answer_messages.c.message_ts == message_ts)
        async with self._engine.connect() as connection:
            return (await connection.execute(select(answer_messages.c.owner).where(this))).scalar_one_or_none()


def _columns(asked: Asked) -> dict[str, Any]:
    return {
        "question_key": asked.key,
        "exchange_id": asked.exchange_id,
        "team": asked.team,
        "channel": asked.channel,
        "question_ts": asked.ts,
        "thread_ts": asked.thread_ts,
        "asker": asked.user,
        "text": asked.text,
        "version": asked.version,
        "route": asked.route,
    }


def _delivery(row: Any) -> Delivery:
    asked = Asked(
        key=row["question_key"],
        exchange_id=row["exchange_id"],
        team=row["team"],
        channel=row["channel"],
        ts=row["question_ts"],
        thread_ts=row["thread_ts"],
        user=row["asker"],
        text=row["text"],
        version=row["version"],
        route=row["route"],
    )
    return Delivery(asked=asked, state=row["state"])


def _now_us() -> int:
    return time.time_ns() // 1_000
