"""Child processes that must not outlive their use: started in a group of their own, found again, ended whole."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_TERM_GRACE_S = 10.0
_LARGEST_LOG = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process by its id and its start time (clock ticks since boot): together they name it for good."""

    pid: int
    started: int
    fingerprint: str

    @property
    def alive(self) -> bool:
        return _start_time(self.pid) == self.started


async def start(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path, record: Path, fingerprint: str
) -> Child:
    """Start a process in a group of its own, its output appended to `log`, and write it down in `record`.

    `fingerprint` says what it was started with: the next start adopts it only when that is the same.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    _set_aside(log)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env=dict(environment), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    child = Child(pid=process.pid, started=_start_time(process.pid) or 0, fingerprint=fingerprint)
    temporary = record.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(child)))
    temporary.replace(record)
    return child


def _set_aside(log: Path) -> None:
    """A log that has grown large is kept once, beside the new one."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_suffix(".old.log"))


def recorded(record: Path) -> Child | None:
    """The process written down in `record`, if it still runs; a stale or broken record is no process."""
    try:
        child = Child(**json.loads(record.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return child if child.alive else None


async def end(child: Child) -> None:
    """End the child's whole group: politely first, then for good. Harmless if it is gone, and its id another's."""
    if _start_time(child.pid) not in {None, child.started}:
        return
    for sign, patience_s in ((signal.SIGTERM, _TERM_GRACE_S), (signal.SIGKILL, _TERM_GRACE_S)):
        try:
            os.killpg(child.pid, sign)
        except (ProcessLookupError, PermissionError):
            return
        deadline = asyncio.get_running_loop().time() + patience_s
        while asyncio.get_running_loop().time() < deadline:
            if not _group_runs(child.pid):
                return
            await asyncio.sleep(0.05)


def _group_runs(group: int) -> bool:
    """Whether any process of the group still runs; a zombie that waits to be reaped does not."""
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            fields = _stat_fields(int(place.name))
            if fields and int(fields[2]) == group and fields[0] != "Z":
                return True
    return False


def _start_time(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return int(fields[19]) if fields and fields[0] != "Z" else None


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of proc_pid_stat(5) from the third (state) on; the name before them may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
