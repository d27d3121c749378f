"""The rows of a night: what all exports teach, each exchange once, among what is not to be forgotten."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from training.errors import RowInvalid
from training.lora import start_folder
from training.night import Taught, nightly_rows
from training.recipe import read_recipe
from training.replay import replay_prompts, replay_rows
from training.rows import PreferenceRow, Row, write_rows

LEARNT = "train"
_Row = TypeVar("_Row", bound=BaseModel)


def write_night_rows(exports: Path, out: Path, *, recipe: Path, models: Path) -> int:
    """Write the rows that the recipe is trained on, and return their number: 0 where nothing was taught.

    `models` is the folder of unpacked base models. Raises RowInvalid, RecipeInvalid and DataUnusable.
    """
    taught = gather_taught(exports)
    if not taught.know_how and not taught.accepted:
        write_rows(out, [])
        return 0
    read = read_recipe(recipe)
    start = start_folder(read, recipe.parent) if read.start_from else None
    general = replay_rows(replay_prompts(read.rehearsal.general), read.base_model, models, adapter=start)
    rows = nightly_rows(taught, read, general=list(general))
    write_rows(out, rows)
    return len(rows)


def gather_taught(exports: Path) -> Taught:
    """Of each exchange the last day that tells of it. Raises RowInvalid."""
    pairs: dict[str, PreferenceRow] = {}
    imitated: dict[str, Row] = {}
    for day in sorted(each / LEARNT for each in exports.glob("*") if (each / LEARNT).is_dir()):
        pairs.update(_read(day / "dpo.jsonl", PreferenceRow))
        imitated.update(_read(day / "sft.jsonl", Row))
    return Taught(
        know_how=[Row(prompt=pair.prompt, completion=pair.chosen) for pair in pairs.values()],
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
