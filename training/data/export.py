"""Exchanges with what people said about them, as rows to train on and rows to measure with.

An export is a folder: `train/` and `holdout/`, each with `sft`, `kto` and `dpo` as JSON lines and Parquet for TRL and
`chat.jsonl` in OpenAI's form; `retrieval.jsonl`, questions whose documents were not found; and `manifest.json`, which
vouches for the others. The same journal and window give the same bytes.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy.ext.asyncio import AsyncEngine

from training.data.curation import Curated, curate
from training.data.files import ExportFiles
from training.data.forms import FORMS, PARQUET_FORMS, rows_of
from training.data.judging import Judges
from training.data.members import SPLITS, Members, Split
from training.data.signatures import NEARLY_ALL, VALUES
from training.settings import TrainingSettings

FORMAT = 3
_UNFOUND = "retrieval.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What was written: rows by file, and exchanges withheld by reason."""

    folder: Path
    rows: Mapping[str, int]
    withheld: Mapping[str, int]
    manifest_sha256: str


async def export(
    engine: AsyncEngine, out: Path, *, start: datetime, end: datetime, settings: TrainingSettings
) -> Export:
    """Write the exchanges asked in `[start, end)`, both with a time zone, into the folder `out`.

    Only what everyone in the team may read is written, and nothing while the training switch is off; what was
    withheld is counted by reason. Files of an earlier export into the same folder are replaced.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("an export's window needs times with a zone")
    async with Judges() as judges:
        done, _ = await export_window(
            engine, await Members.load(engine), out, judges, start=start, end=end, settings=settings
        )
    return done


async def export_window(
    engine: AsyncEngine,
    known: Members,
    out: Path,
    judges: Judges,
    *,
    start: datetime,
    end: datetime,
    settings: TrainingSettings,
    reached: Callable[[str], None] = lambda _: None,
) -> tuple[Export, Curated]:
    """As `export`, among the members `known`. What it comes to is remembered by the caller, or not at all."""
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out) as spool:
        curated = await curate(engine, known, spool, judges, start=start, end=end, settings=settings)
        reached("read")
        files = await asyncio.to_thread(_write, out, curated, spool, reached)
        withheld = dict(sorted(curated.withheld.items()))
        manifest = await asyncio.to_thread(_manifest, files, curated) | {
            "start": start.astimezone(UTC).isoformat(),
            "end": end.astimezone(UTC).isoformat(),
            "settings": settings.model_dump(),
            "withheld": withheld,
        }
        digest = await asyncio.to_thread(files.publish, manifest)
    return Export(folder=out, rows=files.rows, withheld=withheld, manifest_sha256=digest), curated


def _write(out: Path, curated: Curated, spool: IO[bytes], reached: Callable[[str], None]) -> ExportFiles:
    files = ExportFiles(out, reached)
    for split in SPLITS:
        for form in FORMS:
            files.begin(f"{split}/{form}.jsonl")
    files.begin(_UNFOUND)
    for split, example in curated.examples(spool):
        for form, row in rows_of(example):
            files.add(f"{split}/{form}.jsonl", row)
    for question in curated.unfound:
        files.add(_UNFOUND, question)
    files.finish()
    files.add_parquets({f"{split}/{form}.jsonl": form for split in SPLITS for form in PARQUET_FORMS})
    return files


def _manifest(files: ExportFiles, curated: Curated) -> dict[str, Any]:
    written: dict[Split, set[str]] = {split: files.exchange_ids(split) for split in SPLITS}
    closest = curated.placement.closest(written)
    return {
        "format": FORMAT,
        "exchanges": curated.exchanges,
        "examples": {split: len(written[split]) for split in SPLITS},
        "rows": files.rows,
        "sha256": files.digests(),
        # Of these rows and those of all windows until now: the nearest pair of a question that is trained on and one that
        # is held out.
        "across_split": {
            "near_duplicates": closest.near_duplicates,
            "closest": closest.similarity,
            "near_from": round(NEARLY_ALL / VALUES, 4),
        },
    }
