"""What SIGTERM does to a command, in a process of its own."""

import signal
import subprocess
import sys

import pytest

_COMMAND = """
import asyncio, sys, time
from bot import termination

async def work():
    try:
        print("begun", flush=True)
        await {waiting}
    finally:
        await asyncio.sleep(0.2)
        print("closed", flush=True)

try:
    termination.run(work(), patience_s=2)
except BaseException as error:
    sys.exit(error.exit_code)
"""


def _terminated(waiting: str, *, times: int = 1) -> tuple[int, str, str]:
    command = [sys.executable, "-c", _COMMAND.format(waiting=waiting)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        for _ in range(times):
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.mark.parametrize("times", [1, 3])
def test_command_that_is_terminated_closes_what_it_opened(times: int) -> None:
    assert _terminated("asyncio.sleep(60)", times=times) == (143, "closed\n", "")


def test_thread_that_goes_on_does_not_keep_a_terminated_command() -> None:
    assert _terminated("asyncio.to_thread(time.sleep, 60)") == (143, "closed\n", "")
