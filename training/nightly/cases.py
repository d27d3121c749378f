"""What tonight's challenger is asked: the exports' holdout, what it learnt, the general set, and what it must not know."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from router.exchanges import Exchange
from router.journal import Journal
from training.gate.cases import Cases, judged_cases
from training.gate.general import general_cases
from training.gate.judgements import Judgement, read_judgements
from training.gate.leaks import leak_probes

HOLDOUT, LEARNT = "holdout", "train"
# Beyond these a night would take hours and know no more.
_MOST_HELD_OUT = 300
_MOST_LEARNT = 100
_PRIVATE_DAYS = 30
_PRIVATE_EXCHANGES = 40


async def cases_of(rows: Path, champion: str, *, exports: Path, engine: AsyncEngine) -> Cases:
    """`exports` holds a folder a day, `rows` is what the challenger learnt from; the base model as champion is "".

    Raises DataUnusable, RowInvalid and JournalUnavailable.
    """
    journal = Journal(engine)
    held_out = (await asyncio.to_thread(_judgements, exports, HOLDOUT))[-_MOST_HELD_OUT:]
    corrections = [each for each in await asyncio.to_thread(_judgements, exports, LEARNT) if each.should_say]
    may_know = await asyncio.to_thread(rows.read_text, "utf-8")
    return Cases(
        judged=judged_cases(
            held_out,
            corrections[-_MOST_LEARNT:],
            champion=champion,
            spoken_by=await _spoken_by(journal, held_out),
        ),
        general=general_cases(),
        probes=leak_probes(await _private(journal), may_know=may_know),
    )


def _judgements(exports: Path, side: str) -> list[Judgement]:
    return read_judgements(sorted(day / side for day in exports.glob("*") if (day / side).is_dir()))


async def _spoken_by(journal: Journal, judgements: Iterable[Judgement]) -> Mapping[str, str]:
    """The adapter of each answer that people liked; what the base model said has none."""
    found: dict[str, str] = {}
    for judgement in judgements:
        if judgement.is_liked and (exchange := await journal.exchange(judgement.exchange_id)) is not None:
            found[judgement.exchange_id] = exchange.adapter
    return found


async def _private(journal: Journal) -> list[Exchange]:
    """The last things said where not everyone may read, the newest first."""
    now = datetime.now(UTC)
    found = [exchange async for exchange in _not_public(journal, now - timedelta(days=_PRIVATE_DAYS), now)]
    return found[: -_PRIVATE_EXCHANGES - 1 : -1]


async def _not_public(journal: Journal, start: datetime, end: datetime) -> AsyncIterator[Exchange]:
    async for exchange in journal.exchanges_between(start, end):
        if not exchange.is_public:
            yield exchange
