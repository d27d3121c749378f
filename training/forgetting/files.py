"""What is to be forgotten, in files: days of exports, and the rows and weights of nights that did not come to their end."""

import json
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from router.know_how import KNOW_HOW
from training.forgetting.plan import Plan
from training.lineage import LINEAGE, Sought, learnt_from, read_lineage_of_rows

_WORKING = ("rows.jsonl", KNOW_HOW, LINEAGE, "adapter")


def count_in_exports(plan: Plan, exports: Path) -> int:
    """Rows that come from what is forgotten, or whose prompt repeats it, in whatever file they stand.

    A file that cannot be read, or does not say what its rows come from, counts as one.
    """
    return sum(count for _, count in _rows(plan, exports))


def delete_days(plan: Plan, exports: Path) -> None:
    """Delete whole days that still hold any of it: the next export writes them anew, from what is left."""
    for path, _ in list(_rows(plan, exports)):
        day = exports / path.relative_to(exports).parts[0]
        shutil.rmtree(day) if day.is_dir() else day.unlink(missing_ok=True)


def nights_at_work(sought: Sought, nights: Path) -> list[Path]:
    """Rows and weights that a night left behind, but for those of which it is known that they come from other things."""
    found: list[Path] = []
    for night in sorted(each for each in nights.glob("*") if each.is_dir()):
        if learnt_from(read_lineage_of_rows(night), sought):
            found += [night / name for name in _WORKING if (night / name).exists()]
    return found


def delete_nights_work(sought: Sought, nights: Path) -> None:
    """Reports stay: they hold figures. A night that was killed ends there, and the next one does its work."""
    # Its lineage last: without it, what is left counts as learnt from everything, and is found again.
    for path in sorted(nights_at_work(sought, nights), key=lambda path: path.name == LINEAGE):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _rows(plan: Plan, exports: Path) -> Iterator[tuple[Path, int]]:
    ids = plan.exchanges | plan.carrying
    if not ids:
        return
    for path in sorted(exports.rglob("*")):
        if path.is_file() and path.parent != exports and (count := _count(path, ids)):
            yield path, count


def _count(path: Path, ids: Collection[str]) -> int:
    if path.name.endswith(".partial"):
        return int(path.stat().st_size > 0)
    if path.name == "chat.jsonl":
        return _count_by_neighbour(path, ids)
    if path.suffix == ".parquet":
        return _count_parquet(path, ids)
    return sum(_is_of(line, ids) for line in path.read_bytes().split(b"\n"))


def _is_of(line: bytes, ids: Collection[str]) -> bool:
    try:
        told = json.loads(line) if line.strip() else None
    except ValueError:
        return any(each.encode() in line for each in ids)
    return isinstance(told, dict) and told.get("exchange_id") in ids  # pyright: ignore[reportUnknownMemberType] - any JSON


def _count_by_neighbour(path: Path, ids: Collection[str]) -> int:
    """OpenAI's form has no place for an id: its lines are those of sft.jsonl, one by one."""
    lines = path.read_bytes().splitlines()
    try:
        beside = path.with_name("sft.jsonl").read_bytes().splitlines()
    except FileNotFoundError:
        beside = []
    if len(lines) != len(beside):
        return len(lines) or 1
    return sum(_is_of(line, ids) for line in beside)


def _count_parquet(path: Path, ids: Collection[str]) -> int:
    from training.data.files import exchange_ids_in  # noqa: PLC0415 - without the trainer there is no pyarrow, nor such a file

    try:
        return sum(each in ids for each in exchange_ids_in(path))
    except (OSError, ValueError, KeyError):
        return 1
