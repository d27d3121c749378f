"""Processes and figures, as all measurements here take them."""

import json
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def in_process(module: str, *arguments: object) -> dict[str, Any]:
    """What `python -m tests.benchmarks.MODULE …` prints: one JSON object, on the last line."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
    print(f"measuring: {module} {' '.join(map(str, arguments))}", file=sys.stderr, flush=True)
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def spread(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50_ms": round(statistics.median(ordered) * 1000, 2),
        "p95_ms": round(ordered[int(0.95 * len(ordered))] * 1000, 2),
    }


def memory_mb(what: str = "VmHWM") -> int:
    """Of this process, its children not counted: `VmHWM` is the peak, `VmRSS` now, `RssAnon` without mapped files."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def memory_with_processes_mb() -> int:
    """The peak of this process and that of the largest of its processes that have ended, as if both came at once."""
    return memory_mb() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def disk_mb(folder: Path) -> int:
    """What it takes up, which for sparse files is less than their length."""
    return sum(file.stat().st_blocks for file in folder.rglob("*") if file.is_file()) * 512 // 1024**2
