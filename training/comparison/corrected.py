"""How long people's corrections took until answers followed them."""

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.releases import Release, Releases
from router.tables import feedback
from router.transactions import transaction
from training.tables import correction_reviews
from training.withdrawal import lineage_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """Of all `corrections` that were not rejected, `followed` are followed by answers; the hours it took, None where none is."""

    corrections: int
    followed: int
    p50_hours: float | None
    longest_hours: float | None


async def corrected(engine: AsyncEngine) -> Corrected:
    """A fact is followed once a reviewer has it taken into the documents, know-how once an adapter that learnt it serves.

    Raises JournalUnavailable.
    """
    given = (
        select(feedback.c.feedback_id, feedback.c.at, correction_reviews.c.verdict, correction_reviews.c.at)
        .outerjoin(correction_reviews, correction_reviews.c.feedback_id == feedback.c.feedback_id)
        .where(feedback.c.kind == "correction", feedback.c.correction != "")
    )
    async with transaction(engine) as connection:
        rows = (await connection.execute(given)).all()
    served = await asyncio.to_thread(_first_served, await Releases(engine).history())
    # Of one that nobody has reviewed nothing is learnt, though its answer may be.
    corrections = [
        (said_at, {"fact": reviewed_at, "know_how": served.get(feedback_id)}.get(verdict))
        for feedback_id, said_at, verdict, reviewed_at in rows
        if verdict != "rejected"
    ]
    waits = [(followed_at - said_at).total_seconds() / 3600 for said_at, followed_at in corrections if followed_at]
    return Corrected(
        corrections=len(corrections),
        followed=len(waits),
        p50_hours=round(statistics.median(waits), 2) if waits else None,
        longest_hours=round(max(waits), 2) if waits else None,
    )


def _first_served(releases: Sequence[Release]) -> Mapping[str, datetime]:
    """When an adapter first served that had learnt from what was said of an answer, by the id of what was said."""
    first: dict[str, datetime] = {}
    earliest = {each.adapter: each for each in reversed(releases) if each.adapter}
    for release in sorted(earliest.values(), key=lambda each: each.released_at):
        lineage = lineage_of(Path(release.path))
        for exchange in lineage.exchanges if lineage else ():
            for feedback_id in exchange.feedback:
                first.setdefault(feedback_id, release.released_at)
    return first
