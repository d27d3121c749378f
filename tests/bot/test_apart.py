import asyncio
import sys
from pathlib import Path

from bot import processes
from bot.apart import end_apart, last_words, run_apart

# Appends a line when it begins, and ends once there is a file `go`.
_CODE = """
import pathlib, sys, time
home = pathlib.Path(sys.argv[1])
with (home / "begun").open("a") as begun: begun.write("x")
while not (home / "go").exists(): time.sleep(0.02)
print("first"); print("last words")
"""


def _command(home: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", _CODE, str(home), *more]


async def _begun(home: Path, times: int) -> None:
    async with asyncio.timeout(20):
        while not (home / "begun").exists() or len((home / "begun").read_text()) < times:
            await asyncio.sleep(0.02)


async def test_work_is_waited_for_and_its_last_words_are_known(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    log = await run_apart(_command(tmp_path), home=tmp_path, name="trial")
    assert last_words(log) == "last words"
    assert last_words(tmp_path / "nowhere") == "it said nothing"


async def test_work_that_a_killed_process_left_is_waited_for_and_not_begun_anew(tmp_path: Path) -> None:
    running = asyncio.create_task(run_apart(_command(tmp_path), home=tmp_path, name="trial"))
    await _begun(tmp_path, 1)
    again = asyncio.create_task(run_apart(_command(tmp_path), home=tmp_path, name="trial"))
    await asyncio.sleep(0.2)
    (tmp_path / "go").touch()
    await asyncio.gather(running, again)
    assert (tmp_path / "begun").read_text() == "x"


async def test_work_for_something_else_that_was_left_is_ended_first(tmp_path: Path) -> None:
    left = asyncio.create_task(run_apart(_command(tmp_path, "other"), home=tmp_path, name="trial"))
    await _begun(tmp_path, 1)
    asked = asyncio.create_task(run_apart(_command(tmp_path), home=tmp_path, name="trial"))
    await _begun(tmp_path, 2)
    (tmp_path / "go").touch()
    await asyncio.gather(left, asked)
    assert (tmp_path / "begun").read_text() == "xx"


async def test_work_ends_with_whoever_waits_for_it(tmp_path: Path) -> None:
    for end in ("cancelled", "ended"):
        running = asyncio.create_task(run_apart(_command(tmp_path, end), home=tmp_path, name="trial"))
        await _begun(tmp_path, 1)
        child = processes.recorded(tmp_path / "run" / "trial.json")
        assert child is not None
        if end == "cancelled":
            running.cancel()
        else:
            await end_apart(tmp_path, "trial")
        await asyncio.gather(running, return_exceptions=True)
        assert not child.alive
        (tmp_path / "begun").unlink()
