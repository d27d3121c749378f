"""Which days have been exported, and from what: a day whose feedback, reviews or consents changed is exported anew."""

import asyncio
import fcntl
import hashlib
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.tables import exchanges, feedback
from router.transactions import transaction
from training.data.consent import Consent
from training.data.edits import is_edited, read_edits
from training.data.export import FORMAT, Export, export_window
from training.data.files import MANIFEST, as_json
from training.data.judging import Judges
from training.data.members import Members, store_members
from training.errors import ExportBusy
from training.settings import TrainingSettings
from training.tables import correction_reviews, training_exports

_DAY = timedelta(days=1)


async def catch_up(
    engine: AsyncEngine,
    folder: Path,
    *,
    until: datetime,
    settings: TrainingSettings,
    reached: Callable[[str], None] = lambda _: None,
) -> AsyncGenerator[Export, None]:
    """Export every UTC day before `until` that was not exported yet, or has changed since, the oldest first.

    Each day is a folder of its own. Killed at any point and run again, it ends with the same bytes: a day is entered
    in the ledger, with all that is remembered of it, in one transaction after its files are in place.
    Raises ExportBusy where another process is at it.
    """
    midnight = until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with _alone(folder), Judges() as judges:
        inputs = await _inputs(engine, midnight, settings)
        entered = await _entered(engine)
        due = [
            start for start, digest in inputs.items() if entered.get(start) != (digest, await _written(folder, start))
        ]
        known = await Members.load(engine) if due else Members()
        for start in due:
            out, end = _folder(folder, start), start + _DAY
            if start not in entered:  # what is there was left behind by a crash, or by a version that kept no ledger
                await asyncio.to_thread(shutil.rmtree, out, ignore_errors=True)
            done, curated = await export_window(
                engine, known, out, judges, start=start, end=end, settings=settings, reached=reached
            )
            placement = curated.placement
            async with transaction(engine) as connection:
                await store_members(connection, start, placement.members, placement.clusters)
                await connection.execute(delete(training_exports).where(training_exports.c.start == start))
                entry = {"start": start, "end": end, "inputs": inputs[start], "manifest_sha256": done.manifest_sha256}
                await connection.execute(insert(training_exports).values(entry))
                reached("stored")
            reached("committed")
            known.replace(start, placement.members, placement.clusters)
            yield done


@asynccontextmanager
async def _alone(folder: Path) -> AsyncGenerator[None, None]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportBusy(f"another process is exporting into {folder}: wait until it has ended") from error
        yield


async def _inputs(engine: AsyncEngine, until: datetime, settings: TrainingSettings) -> Mapping[datetime, str]:
    """By day, a digest of what its export depends on: exchanges, feedback and reviews by id, consents and settings."""
    opted_out, edits = await Consent(engine).opted_out(), await read_edits(engine)
    for_all = [FORMAT, settings.model_dump(), sorted(opted_out.people), sorted(opted_out.threads)]
    beginning = hashlib.sha256(as_json(for_all).encode())
    async with transaction(engine) as connection:
        # A day that is entered and has no exchanges any more is exported once more, as an empty one.
        entered = (await connection.execute(select(training_exports.c.start))).scalars()
        digests = {start: beginning.copy() for start in entered}
        rows = await connection.stream(_events_before(until))
        async for row in rows:
            start = row.asked_at.replace(hour=0, minute=0, second=0, microsecond=0)
            digest = digests.setdefault(start, beginning.copy())
            edited = is_edited(row.exchange_id, row.asked_at, edits)
            digest.update(as_json([row.exchange_id, edited, row.feedback_id, row.verdict]).encode())
    return {start: digest.hexdigest() for start, digest in sorted(digests.items())}


def _events_before(until: datetime) -> Select[*tuple[Any, ...]]:
    exchange, review = exchanges.c, correction_reviews.c
    return (
        select(exchange.exchange_id, exchange.asked_at, feedback.c.feedback_id, review.verdict)
        .select_from(exchanges)
        .outerjoin(feedback, feedback.c.exchange_id == exchange.exchange_id)
        .outerjoin(correction_reviews, review.feedback_id == feedback.c.feedback_id)
        .where(exchange.asked_at < until)
        .order_by(exchange.asked_at, exchange.exchange_id, feedback.c.feedback_id)
    )


async def _entered(engine: AsyncEngine) -> dict[datetime, tuple[str, str]]:
    """By day, the digests of what its export read and of its manifest."""
    async with transaction(engine) as connection:
        rows = await connection.execute(select(training_exports))
        return {row.start: (row.inputs, row.manifest_sha256) for row in rows}


async def _written(folder: Path, start: datetime) -> str:
    """The digest of the manifest that is there; empty where none is."""
    path = _folder(folder, start) / MANIFEST
    try:
        return hashlib.sha256(await asyncio.to_thread(path.read_bytes)).hexdigest()
    except FileNotFoundError:
        return ""


def _folder(folder: Path, start: datetime) -> Path:
    return folder / f"{start:%Y-%m-%d}"
