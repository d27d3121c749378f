"""The rows of a night: what all exports teach, each exchange once, among what is not to be forgotten."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from router.model import ModelClient
from training.errors import RowInvalid
from training.know_how import put_know_how
from training.lineage import LINEAGE, learnt_rows, write_lineage
from training.night import Taught, corrected_row, nightly_rows, questions_taught
from training.nightly.origins import lineage_of_night
from training.nightly.passages import READ, ReadPassages, learnable, no_passages
from training.nightly.rehearsal import general_rows
from training.recipe import read_recipe
from training.rows import PreferenceRow, Row, write_rows

LEARNT = "train"
_Row = TypeVar("_Row", bound=BaseModel)


async def write_night_rows(
    exports: Path,
    out: Path,
    *,
    recipe: Path,
    home: Path,
    engine: AsyncEngine,
    model: ModelClient,
    passages: ReadPassages = no_passages,
) -> int:
    """Write the rows that the recipe is trained on, and return their number: 0 where nothing was taught.

    `passages` gives some of documents that everybody may read. Beside the rows it writes the questions whose answers are
    taught, for the router, and what each row comes from. Raises RowInvalid, RecipeInvalid, DataUnusable, AdapterRefused,
    ModelError and JournalUnavailable.
    """
    taught = await asyncio.to_thread(gather_taught, exports)
    if not taught.know_how and not taught.accepted:
        await asyncio.to_thread(write_rows, out, [])
        return 0
    read = read_recipe(recipe)
    general = await general_rows(read, recipe.parent, home=home, model=model)
    teams = learnable(await passages(READ, read.seed), home)
    rows = await asyncio.to_thread(nightly_rows, taught, read, passages=teams, general=general)
    # Killed between the two, the night counts as one that learns from everything.
    await asyncio.to_thread((out.parent / LINEAGE).unlink, missing_ok=True)
    await asyncio.to_thread(write_rows, out, rows)
    told = learnt_rows(rows, corrected=[row.exchange_id for row in taught.know_how], general=general)
    lineage = await lineage_of_night(
        told, out, passages=teams, recipe=read, recipe_path=recipe, exports=exports, engine=engine
    )
    await asyncio.to_thread(write_lineage, out.parent, lineage)
    await asyncio.to_thread(put_know_how, questions_taught(taught), out.parent)
    return len(rows)


def gather_taught(exports: Path) -> Taught:
    """Of each exchange the last day that tells of it. Raises RowInvalid."""
    pairs: dict[str, PreferenceRow] = {}
    imitated: dict[str, Row] = {}
    for day in sorted(each / LEARNT for each in exports.glob("*") if (each / LEARNT).is_dir()):
        pairs.update(_read(day / "dpo.jsonl", PreferenceRow))
        imitated.update(_read(day / "sft.jsonl", Row))
    return Taught(
        know_how=[corrected_row(pair) for pair in pairs.values()],
        accepted=[row for exchange, row in imitated.items() if exchange not in pairs],
    )


def _read(path: Path, kind: type[_Row]) -> Iterator[tuple[str, _Row]]:
    if not path.is_file():
        return
    for line in path.read_text("utf-8").split("\n"):
        if line.strip():
            try:
                yield str(json.loads(line)["exchange_id"]), kind.model_validate_json(line)
            except (ValueError, KeyError) as error:
                raise RowInvalid(f"{path} is no export of rows to learn from: run tandem export") from error
