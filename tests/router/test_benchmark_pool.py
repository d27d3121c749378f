"""The processes that `tests.benchmarks.router` fits policies in."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_LONGEST_S = 60
# Each process tells its number, and then works for ever.
_PARENT = """
import os, time
from tests.benchmarks.router import in_parallel

def work(number):
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(600)

if __name__ == "__main__":
    in_parallel(work, [(1,), (2,)])
"""


@pytest.mark.slow
def test_processes_of_a_measurement_end_with_a_parent_that_was_killed(tmp_path: Path):
    (tmp_path / "parent.py").write_text(_PARENT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        working = [int(parent.stdout.readline()) for _ in range(2)]
        parent.send_signal(signal.SIGKILL)
        try:
            # They hold its output, which ends with the last of them.
            parent.communicate(timeout=_LONGEST_S)
        finally:
            for process in working:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
