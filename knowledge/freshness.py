"""How new a document is, as a soft factor in the order of what was found."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from knowledge.documents import Passage


def favour_new(
    hits: Sequence[Passage], *, weight: float, half_life: timedelta, now: datetime | None = None
) -> list[Passage]:
    """Each score raised by up to `weight` of itself: by all of it today, by half of it after one half-life.

    The scores are reciprocal ranks, of which the first two differ by half where both rankings agree, and the eighth and
    ninth by a tenth: with a weight of 0.05 only near-ties change places. A passage without a date is left as it is.
    """
    if not weight:
        return list(hits)
    factored = [replace(hit, score=hit.score * (1 + weight * _freshness(hit, half_life, now))) for hit in hits]
    return sorted(factored, key=lambda hit: -hit.score)


def _freshness(hit: Passage, half_life: timedelta, now: datetime | None) -> float:
    """In [0, 1]."""
    if hit.modified_at is None:
        return 0.0
    age = (now or datetime.now(hit.modified_at.tzinfo)) - hit.modified_at
    return 0.5 ** max(0.0, age / half_life)
