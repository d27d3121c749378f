"""Questions that were edited after they were answered: what people said about the earlier answer is void."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.tables import exchanges
from router.transactions import transaction

_EDIT = ":edit:"

Edits = Mapping[str, datetime]
"""By question, when its last edited version was asked."""


async def read_edits(engine: AsyncEngine) -> Edits:
    """An edited version's id is the question's, followed by `:edit:` and the time. Raises JournalUnavailable."""
    table = exchanges.c
    versions = (
        select(table.exchange_id, table.asked_at).where(table.exchange_id.contains(_EDIT)).order_by(table.asked_at)
    )
    async with transaction(engine) as connection:
        return {row.exchange_id.partition(_EDIT)[0]: row.asked_at for row in await connection.execute(versions)}


def is_edited(exchange_id: str, asked_at: datetime, edits: Edits) -> bool:
    """Whether a later version was asked. The id of each version continues that of its question after a colon."""
    if not edits:
        return False
    parts = exchange_id.split(":")
    questions = (":".join(parts[:end]) for end in range(1, len(parts) + 1))
    return any(edits[question] > asked_at for question in questions if question in edits)
