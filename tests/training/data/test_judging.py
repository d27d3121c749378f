import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.training.data.samples import events, exchange
from training.data.consent import OptedOut
from training.data.judging import JournalPage, JudgedPage, Judges

ROOT = Path(__file__).resolve().parents[3]
# Tells the pool's process by its number, and then works for ever.
_PARENT = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from training.data.judging import end_with_parent

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(600)
"""


async def test_pages_are_judged_alike_and_in_their_order_in_a_thread_and_in_a_process():
    in_process = await _judged(many_pages=2)
    assert in_process == await _judged(many_pages=100)
    assert [judged.exchanges for judged in in_process] == [0, 1, 2, 3, 4, 5]
    assert [len(judged.candidates) for judged in in_process] == [0, 0, 1, 2, 3, 4]
    assert [judged.withheld["no_feedback"] for judged in in_process] == [0, 1, 1, 1, 1, 1]


def test_judging_process_ends_with_a_parent_that_was_killed(tmp_path: Path):
    (tmp_path / "parent.py").write_text(_PARENT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        judging = int(parent.stdout.readline())
        assert _is_running(judging)
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while _is_running(judging):
        assert time.monotonic() < until
        time.sleep(0.05)


async def _judged(*, many_pages: int) -> list[JudgedPage]:
    async with Judges(many_pages=many_pages) as judges:
        return [judged async for judged in judges.judged(_pages())]


async def _pages() -> AsyncIterator[JournalPage]:
    """Of growing length, the first exchange of each without a word from anybody."""
    for number in range(6):
        exchanges = [exchange(f"x{number}-{at}") for at in range(number)]
        said = {each.exchange_id: events(each.exchange_id, ("U1", "vote_up", "")) for each in exchanges[1:]}
        yield JournalPage(exchanges=exchanges, said=said, verdicts={}, opted_out=OptedOut(), edited=frozenset())


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
