"""Where the rows of a night come from: looked up in the journal while it still holds all of it."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.exchanges import Exchange
from router.journal import Journal
from router.prompts import IN_OTHER_WORDS
from router.tables import exchanges
from router.transactions import transaction
from training.data.files import MANIFEST
from training.lineage import (
    LearntDocument,
    LearntExchange,
    LearntRow,
    LearntWindow,
    Lineage,
    read_lineage,
)
from training.lora import start_folder
from training.nightly.passages import TeamPassage
from training.recipe import Recipe
from training.rows import data_digest


async def lineage_of_night(
    rows: Sequence[LearntRow],
    data: Path,
    *,
    passages: Sequence[TeamPassage],
    recipe: Recipe,
    recipe_path: Path,
    exports: Path,
    engine: AsyncEngine,
) -> Lineage:
    """Of the rows in the file `data`, some of which show `passages`. Raises RecipeInvalid and JournalUnavailable."""
    ids = list(dict.fromkeys(row.exchange_id for row in rows if row.exchange_id))
    found = [await _learnt_exchange(exchange_id, engine) for exchange_id in ids]
    own = [each for each in found if each is not None]
    start = await asyncio.to_thread(_start, recipe, recipe_path.parent)
    missing = [_unknown(exchange_id) for exchange_id, each in zip(ids, found, strict=True) if each is None]
    return Lineage(
        base=recipe.base_model,
        start=str(recipe.start_from or ""),
        recipe=recipe.name,
        recipe_sha256=hashlib.sha256(await asyncio.to_thread(recipe_path.read_bytes)).hexdigest(),
        seed=recipe.seed,
        data_sha256=await asyncio.to_thread(data_digest, data),
        is_whole=not missing and start is not None and start.is_whole,
        windows=tuple(await asyncio.to_thread(_windows, exports)),
        exchanges=(*own, *missing, *(start.exchanges if start else ())),
        documents=tuple(_shown(rows, passages, start.documents if start else ())),
        rows=tuple(rows),
    )


def _start(recipe: Recipe, beside: Path) -> Lineage | None:
    """What the adapter learnt from that training starts from; without one, nothing."""
    if recipe.start_from is not None:
        return read_lineage(start_folder(recipe, beside))
    return Lineage(base=recipe.base_model, start="", recipe="", recipe_sha256="", seed=0, data_sha256="", is_whole=True)


async def _learnt_exchange(exchange_id: str, engine: AsyncEngine) -> LearntExchange | None:
    """None where the journal does not hold all that its prompt repeats, or does not know which thread it stood in."""
    journal = Journal(engine)
    exchange = await journal.exchange(exchange_id)
    if exchange is None or (exchange.thread and not exchange.thread_id):
        return None
    before = await _before(exchange, engine) if exchange.thread else []
    words = exchange.prompt[-1]["content"].partition(IN_OTHER_WORDS)[2] if exchange.prompt else ""
    if words:
        taught = await _asked(words, engine)
        if not taught:
            return None
        before += taught
    events = await journal.feedback_events(exchange_id)
    people = {exchange.asker, *(event.person for event in events), *(each.asker for each in before)}
    return LearntExchange(
        exchange_id=exchange_id,
        asked_at=exchange.asked_at.isoformat(),
        feedback=tuple(event.feedback_id for event in events),
        people=tuple(sorted(people)),
        documents=tuple(sorted(document for each in (exchange, *before) for document in _documents(each))),
        before=tuple(each.exchange_id for each in before),
    )


async def _before(exchange: Exchange, engine: AsyncEngine) -> list[Exchange]:
    """The exchanges of its thread that came before it."""
    table = exchanges.c
    earlier = select(table.exchange_id).where(
        table.thread_id == exchange.thread_id,
        table.asked_at <= exchange.asked_at,
        table.exchange_id != exchange.exchange_id,
    )
    return await _read(earlier, engine)


async def _asked(question: str, engine: AsyncEngine) -> list[Exchange]:
    """Those that asked in these words, which the adapter was taught by."""
    return await _read(select(exchanges.c.exchange_id).where(exchanges.c.question == question), engine)


async def _read(wanted: Select[str], engine: AsyncEngine) -> list[Exchange]:
    table = exchanges.c
    async with transaction(engine) as connection:
        ids = (await connection.execute(wanted.order_by(table.asked_at, table.exchange_id))).scalars().all()
    found = [await Journal(engine).exchange(exchange_id) for exchange_id in ids]
    return [each for each in found if each is not None]


def _shown(
    rows: Iterable[LearntRow], passages: Iterable[TeamPassage], before: Iterable[LearntDocument]
) -> list[LearntDocument]:
    """The documents in the rows, and those that the adapter before was shown; each once."""
    known = {each.document_id: LearntDocument(id=each.document_id, uri=each.uri) for each in passages}
    ids = sorted({document for row in rows for document in row.documents})
    return list(({each.id: each for each in before} | {each: known[each] for each in ids}).values())


def _documents(exchange: Exchange) -> set[str]:
    return {shown.document_id for shown in exchange.passages} | {cited.document_id for cited in exchange.sources}


def _unknown(exchange_id: str) -> LearntExchange:
    return LearntExchange(exchange_id=exchange_id, asked_at="", feedback=(), people=(), documents=())


def _windows(exports: Path) -> list[LearntWindow]:
    return [
        LearntWindow(day=manifest.parent.name, manifest_sha256=hashlib.sha256(manifest.read_bytes()).hexdigest())
        for manifest in sorted(exports.glob(f"*/{MANIFEST}"))
    ]
