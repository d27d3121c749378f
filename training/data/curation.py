"""The examples of a window: read from the journal page by page, judged one by one, then placed among all others."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.exchanges import Exchange
from router.journal import Journal
from router.tables import exchanges
from router.transactions import transaction
from training.data.consent import Consent, OptedOut
from training.data.corrections import Corrections
from training.data.edits import Edits, is_edited, read_edits
from training.data.examples import Example
from training.data.judging import JournalPage, Judges, example_in
from training.data.members import Members, Split
from training.data.placement import Candidate, Placement, place
from training.settings import TrainingSettings

_PAGE = 200


@dataclass(slots=True, kw_only=True)
class Curated:
    """What a window comes to. Its examples wait in a file, in the order of their asking, kept or not."""

    exchanges: int = 0
    withheld: Counter[str] = field(default_factory=Counter[str])
    unfound: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    placement: Placement = field(default_factory=Placement)

    def examples(self, spool: IO[bytes]) -> Iterator[tuple[Split, Example]]:
        """Those that are kept, with their side of the split."""
        spool.seek(0)
        for line in spool:
            example = example_in(line)
            side = self.placement.sides.get(example.exchange_id)
            if side:
                yield side, example


async def curate(
    engine: AsyncEngine,
    known: Members,
    spool: IO[bytes],
    judges: Judges,
    *,
    start: datetime,
    end: datetime,
    settings: TrainingSettings,
) -> Curated:
    """Judge the exchanges asked in `[start, end)`, with all that was said about them until now."""
    curated = Curated()
    if not settings.training_enabled:
        curated.exchanges = curated.withheld["switch_off"] = await _count(engine, start, end)
        return curated
    opted_out, edits = await Consent(engine).opted_out(), await read_edits(engine)
    candidates: list[Candidate] = []
    pages = _pages(engine, start, end, opted_out, edits)
    async for judged in judges.judged(pages):
        curated.exchanges += judged.exchanges
        curated.withheld.update(judged.withheld)
        curated.unfound += judged.unfound
        candidates += judged.candidates
        await asyncio.to_thread(spool.write, judged.lines)
    curated.placement = await asyncio.to_thread(place, candidates, known, start=start, settings=settings)
    curated.withheld.update(curated.placement.dropped.values())
    return curated


async def _count(engine: AsyncEngine, start: datetime, end: datetime) -> int:
    at = exchanges.c.asked_at
    async with transaction(engine) as connection:
        found = await connection.execute(select(func.count()).select_from(exchanges).where(at >= start, at < end))
        return found.scalar_one()


async def _pages(
    engine: AsyncEngine, start: datetime, end: datetime, opted_out: OptedOut, edits: Edits
) -> AsyncGenerator[JournalPage, None]:
    async for page in _exchanges_by_page(Journal(engine), start, end):
        ids = [exchange.exchange_id for exchange in page]
        said = await Journal(engine).feedback_on(ids)
        verdicts = await Corrections(engine).verdicts_on(ids)
        # A page may go to another process: it takes along what concerns it, and not all edits that ever were.
        edited = frozenset(each.exchange_id for each in page if is_edited(each.exchange_id, each.asked_at, edits))
        yield JournalPage(exchanges=page, said=said, verdicts=verdicts, opted_out=opted_out, edited=edited)


async def _exchanges_by_page(journal: Journal, start: datetime, end: datetime) -> AsyncGenerator[list[Exchange], None]:
    page: list[Exchange] = []
    async for exchange in journal.exchanges_between(start, end):
        page.append(exchange)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page
