"""Long work in a process of its own, behind everything else: found again after a crash, and never done twice at once."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from bot import processes

_LOOK_EVERY_S = 0.5


async def run_apart(command: Sequence[str], *, home: Path, name: str) -> Path:
    """Run the command to its end, and return its log. How it ended is to be seen from what it made.

    One that a killed process left is waited for when it does the same, and ended when it does something else. Whoever is
    cancelled here ends it.
    """
    record = home / "run" / f"{name}.json"
    log = home / "logs" / f"{name}.log"
    record.parent.mkdir(parents=True, exist_ok=True)
    fingerprint = "\0".join(command)
    child = processes.recorded(record)
    if child is not None and child.fingerprint != fingerprint:
        await processes.end(child)
        child = None
    if child is None:
        child = await processes.start(
            [*_politely(), *command], environment=os.environ, log=log, record=record, fingerprint=fingerprint
        )
    try:
        while child.alive:  # noqa: ASYNC110 — a process that another one started tells nobody of its end
            await asyncio.sleep(_LOOK_EVERY_S)
    except asyncio.CancelledError:
        await processes.end(child)
        raise
    record.unlink(missing_ok=True)
    return log


async def end_apart(home: Path, name: str) -> None:
    """End what of that name is still running; it goes on where it was when it is run again."""
    child = processes.recorded(home / "run" / f"{name}.json")
    if child is not None:
        await processes.end(child)


def last_words(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.is_file() else []
    return lines[-1][:300] if lines else "it said nothing"


def _politely() -> list[str]:
    """People's answers go first."""
    nice = shutil.which("nice")
    return [nice, "-n", "19"] if nice else []
