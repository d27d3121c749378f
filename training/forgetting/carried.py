"""What is forgotten, where it stands in the prompts of others: those who went on in the same thread."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Text, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import batches
from router.prompts import IN_OTHER_WORDS
from router.tables import exchanges

# It stands for what was said before. What was said among people is never learnt from, and neither is what lost its context.
PLACEHOLDER: dict[str, Any] = {"speaker": "user", "text": "(forgotten)", "overheard": True}
CLEARED = {"thread": [PLACEHOLDER], "prompt": [], "searches": []}


@dataclass(slots=True)
class Carried:
    """`days` are those of all of them, of what is forgotten too."""

    carrying: set[str] = field(default_factory=set[str])
    days: set[str] = field(default_factory=set[str])


async def carrying(forgotten: Collection[str], connection: AsyncConnection) -> Carried:
    """The exchanges that came later in a thread of the forgotten ones, and were shown what was said before.

    Of a thread that is not known, those that repeat a question or an answer word for word; and anywhere those that were
    asked in other words too, which were a forgotten question's.
    """
    found, table = Carried(), exchanges.c
    for some in batches(forgotten):
        asked = select(exchanges).where(table.exchange_id.in_(some))
        gone = (await connection.execute(asked)).all()
        found.days |= {f"{row.asked_at:%Y-%m-%d}" for row in gone}
        threads = {row.thread_id for row in gone if row.thread_id}
        channels = {row.channel for row in gone}
        near = or_(
            table.thread_id.in_(sorted(threads)),
            (table.thread_id == "") & table.channel.in_(sorted(channels)),
            type_coerce(table.prompt, Text).contains(json.dumps(IN_OTHER_WORDS)[1:-1], autoescape=True),
        )
        for row in await connection.execute(select(exchanges).where(near)):
            if row.exchange_id not in forgotten and any(_repeats(row, each) for each in gone):
                found.carrying.add(row.exchange_id)
                found.days.add(f"{row.asked_at:%Y-%m-%d}")
    return found


def _repeats(row: Row[Any], gone: Row[Any]) -> bool:
    if any(f"{IN_OTHER_WORDS}{gone.question.strip()}" in message["content"] for message in row.prompt):
        return True
    if not row.thread or row.thread == [PLACEHOLDER] or row.asked_at < gone.asked_at:
        return False
    if row.thread_id and gone.thread_id:
        return row.thread_id == gone.thread_id
    said = {text.strip() for text in (gone.question, gone.answer, gone.completion)} - {""}
    return any(text in turn["text"] for turn in row.thread for text in said)
