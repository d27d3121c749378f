"""The rows to train on, gathered from all exports: what people corrected or liked, each exchange once."""

import json
from pathlib import Path

from training.errors import RowInvalid
from training.rows import Row, write_rows

LEARNT = "train"
_IMITATED = "sft.jsonl"


def gather_rows(exports: Path, out: Path) -> int:
    """Write the rows of all days, of an exchange the last one, and return their number. Raises RowInvalid."""
    rows: dict[str, Row] = {}
    for day in sorted(each for each in exports.glob("*") if each.is_dir()):
        path = (day / LEARNT if (day / LEARNT).is_dir() else day) / _IMITATED
        if path.is_file():
            rows.update(_read(path))
    write_rows(out, rows.values())
    return len(rows)


def _read(path: Path) -> dict[str, Row]:
    lines = [line for line in path.read_text("utf-8").split("\n") if line.strip()]
    try:
        return {str(json.loads(line)["exchange_id"]): Row.model_validate_json(line) for line in lines}
    except (ValueError, KeyError) as error:
        raise RowInvalid(f"{path} is no export of rows to imitate: run tandem export") from error
