import asyncio
import os
import sys
from dataclasses import replace

from bot import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# A child that leaves a grandchild behind and ignores the polite signal.
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print('up', flush=True)\n"
    "time.sleep(60)",
]


async def _start(tmp_path, command, fingerprint="a"):
    return await processes.start(
        command,
        environment=os.environ,
        log=tmp_path / "logs" / "child.log",
        record=tmp_path / "child.json",
        fingerprint=fingerprint,
    )


async def test_recorded_process_is_found_again_with_its_fingerprint(tmp_path):
    process = await _start(tmp_path, SLEEP, fingerprint="flags-1")
    try:
        found = processes.recorded(tmp_path / "child.json")
        assert found is not None
        assert (found.pid, found.fingerprint) == (process.pid, "flags-1")
    finally:
        await processes.end(process)


async def test_ended_process_is_no_longer_recorded(tmp_path):
    process = await _start(tmp_path, SLEEP)
    await processes.end(process)
    assert processes.recorded(tmp_path / "child.json") is None


async def test_another_process_with_the_same_id_is_not_taken_for_ours(tmp_path):
    process = await _start(tmp_path, SLEEP)
    record = tmp_path / "child.json"
    try:
        told = record.read_text()
        ours = processes.recorded(record)
        assert ours is not None
        started = ours.started
        record.write_text(told.replace(str(started), str(started - 1)))
        assert processes.recorded(record) is None
    finally:
        await processes.end(process)


async def test_broken_record_is_no_process(tmp_path):
    (tmp_path / "child.json").write_text('{"pid": ')
    assert processes.recorded(tmp_path / "child.json") is None


async def test_stubborn_process_and_its_children_are_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_TERM_GRACE_S", 0.3)
    process = await _start(tmp_path, STUBBORN)
    log = tmp_path / "logs" / "child.log"
    while "up" not in log.read_text():
        await asyncio.sleep(0.02)
    await processes.end(process)
    assert not processes._group_runs(process.pid)


async def test_process_that_has_got_an_ended_ones_id_is_left_alone(tmp_path):
    process = await _start(tmp_path, SLEEP)
    try:
        await processes.end(replace(process, started=process.started - 1))
        assert process.alive
    finally:
        await processes.end(process)


async def test_log_that_has_grown_large_is_kept_once_beside_the_new_one(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_LARGEST_LOG", 10)
    log = tmp_path / "logs" / "child.log"
    log.parent.mkdir()
    log.write_text("what was said before")
    process = await _start(tmp_path, SLEEP)
    await processes.end(process)
    assert log.read_text() == ""
    assert (tmp_path / "logs" / "child.old.log").read_text() == "what was said before"
