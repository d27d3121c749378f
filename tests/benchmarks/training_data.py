"""The way from feedback to training data, each measurement in a process of its own."""

from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import in_process

EXCHANGES = 100_000


def measure(folder: Path, *, small: bool) -> dict[str, Any]:
    home = folder / "journal"
    home.mkdir()
    count = EXCHANGES // 10 if small else EXCHANGES
    return {"export": in_process("export_journal", home, count) | in_process("export", home)}
