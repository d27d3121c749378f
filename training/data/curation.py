"""The examples of a window: read from the journal page by page, judged one by one, then placed among all others."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.exchanges import Exchange
from router.feedback import Feedback
from router.journal import Journal
from router.tables import exchanges
from router.transactions import transaction
from training.data.consent import Consent, OptedOut
from training.data.corrections import Corrections, Verdict
from training.data.edits import Edits, is_edited, read_edits
from training.data.examples import Example, example_of
from training.data.members import Members, Split
from training.data.placement import Candidate, Placement, place
from training.data.privacy import private_part, private_question
from training.data.quality import fault
from training.data.reasons import Reason
from training.data.signatures import asked, plain, sign
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
            example = _example(line)
            side = self.placement.sides.get(example.exchange_id)
            if side:
                yield side, example


async def curate(
    engine: AsyncEngine,
    known: Members,
    spool: IO[bytes],
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
    async for page in _pages(Journal(engine), start, end):
        ids = [exchange.exchange_id for exchange in page]
        said = await Journal(engine).feedback_on(ids)
        verdicts = await Corrections(engine).verdicts_on(ids)
        judging = _Judging(opted_out=opted_out, edits=edits, said=said, verdicts=verdicts)
        candidates += await asyncio.to_thread(_judge_page, page, judging, curated, spool)
    curated.placement = await asyncio.to_thread(place, candidates, known, start=start, settings=settings)
    curated.withheld.update(curated.placement.dropped.values())
    return curated


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judging:
    opted_out: OptedOut
    edits: Edits
    said: Mapping[str, list[Feedback]]
    verdicts: Mapping[str, Verdict]

    def judge(self, exchange: Exchange) -> Example | Reason:
        events = self.opted_out.without_theirs(self.said.get(exchange.exchange_id, ()))
        if self.opted_out.has_part_in(exchange):
            return "opted_out"
        if is_edited(exchange.exchange_id, exchange.asked_at, self.edits):
            return "edited_question"
        judged = example_of(exchange, events, self.verdicts)
        if isinstance(judged, str):
            return (private_question(exchange) or judged) if judged == "poor_retrieval" else judged
        return fault(judged, exchange) or private_part(judged, exchange) or judged


async def _count(engine: AsyncEngine, start: datetime, end: datetime) -> int:
    at = exchanges.c.asked_at
    async with transaction(engine) as connection:
        found = await connection.execute(select(func.count()).select_from(exchanges).where(at >= start, at < end))
        return found.scalar_one()


async def _pages(journal: Journal, start: datetime, end: datetime) -> AsyncIterator[list[Exchange]]:
    page: list[Exchange] = []
    found: AsyncGenerator[Exchange, None] = journal.exchanges_between(start, end)
    async for exchange in found:
        page.append(exchange)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def _judge_page(page: list[Exchange], judging: _Judging, curated: Curated, spool: IO[bytes]) -> list[Candidate]:
    taken: list[tuple[Exchange, Example]] = []
    for exchange in page:
        curated.exchanges += 1
        judged = judging.judge(exchange)
        if not isinstance(judged, str):
            taken.append((exchange, judged))
            continue
        curated.withheld[judged] += 1
        if judged == "poor_retrieval":
            curated.unfound.append(_unfound(exchange))
    signatures = sign(asked(exchange) for exchange, _ in taken)
    for _, example in taken:
        spool.write(_line(example))
    return [_candidate(*each, signature) for each, signature in zip(taken, signatures, strict=True)]


def _unfound(exchange: Exchange) -> dict[str, Any]:
    """For whoever mends the documents or the search: what was asked, looked for and found."""
    return {
        "exchange_id": exchange.exchange_id,
        "question": exchange.question.encode("utf-8", "replace").decode(),
        "queries": [step.query.encode("utf-8", "replace").decode() for step in exchange.searches],
        "similarity": max((step.similarity for step in exchange.searches), default=0.0),
        "documents": [shown.document_id for shown in exchange.passages],
    }


def _candidate(exchange: Exchange, example: Example, signature: bytes) -> Candidate:
    taught = f"{bool(example.should_say) or example.label} {plain(example.taught)}"
    return Candidate(
        exchange_id=exchange.exchange_id,
        thread_id=exchange.thread_id,
        signature=signature,
        taught=hashlib.sha256(taught.encode()).hexdigest(),
        people=example.people,
        agreement=example.agreement,
    )


def _line(example: Example) -> bytes:
    """Without the people, who are told to placement alone."""
    told = [example.exchange_id, example.prompt, example.said, example.should_say, example.label, example.agreement]
    return json.dumps(told).encode() + b"\n"


def _example(line: bytes) -> Example:
    exchange_id, prompt, said, should_say, label, agreement = json.loads(line)
    return Example(
        exchange_id=exchange_id,
        prompt=tuple(prompt),
        said=said,
        should_say=should_say,
        label=label,
        people=frozenset(),
        agreement=agreement,
    )
