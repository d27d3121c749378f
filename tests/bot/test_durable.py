import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOS

from bot.arrivals import Arrival
from bot.durable import Durable
from bot.errors import NotStored
from bot.stored_work import HOURLY, discard

_Handler = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


def _arrival(work_id: str = "w1") -> Arrival:
    return Arrival(id=work_id, kind="question", payload={"text": "häuser 🎉"})


@asynccontextmanager
async def _running(folder: Path, handler: _Handler) -> AsyncIterator[Durable]:
    durable = Durable(database_url=f"sqlite:///{folder / 'durable.db'}", executor_id="bot-1", handler=handler)
    durable.launch()
    try:
        yield durable
    finally:
        await durable.close()


async def test_same_id_is_done_once_and_its_result_can_be_waited_for(tmp_path: Path) -> None:
    done: list[tuple[str, str, Any]] = []

    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> str:
        done.append((work_id, kind, payload))
        return "said"

    async with _running(tmp_path, handle) as durable:
        await asyncio.gather(*(durable.store(_arrival()) for _ in range(4)))
        assert await durable.result("w1") == "said"
        assert done == [("w1", "question", {"text": "häuser 🎉"})]
        assert await durable.has("w1")
        assert not await durable.has("w2")


async def test_two_events_of_one_mention_that_come_at_once_are_written_down_once(tmp_path: Path) -> None:
    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        pass

    async with _running(tmp_path, handle) as durable:
        starts: list[str] = []
        start = durable._start

        async def counted(arrival: Arrival) -> None:
            starts.append(arrival.id)
            await start(arrival)

        durable._start = counted
        await asyncio.gather(*(durable.store(_arrival()) for _ in range(2)))
        assert starts == ["w1"]
        await durable.store(_arrival())
        assert starts == ["w1", "w1"]


async def test_work_waits_until_the_deliveries_of_a_burst_are_written_down(tmp_path: Path) -> None:
    stored: set[str] = set()
    seen_at_start: list[int] = []

    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        seen_at_start.append(len(stored))

    async with _running(tmp_path, handle) as durable:

        async def store(work_id: str) -> None:
            await durable.store(_arrival(work_id))
            stored.add(work_id)

        await asyncio.gather(*(store(f"w{n}") for n in range(30)))
        assert await durable.drain(5)
    assert len(seen_at_start) == 30
    assert min(seen_at_start) >= 29  # the last store wakes the work before its own caller


async def test_work_is_not_held_up_for_ever_by_deliveries_that_hang(tmp_path: Path) -> None:
    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> str:
        return "done"

    async with _running(tmp_path, handle) as durable:
        await durable.store(_arrival("w1"))
        with sqlite3.connect(tmp_path / "durable.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            hanging = asyncio.create_task(durable.store(_arrival("w2")))
            await asyncio.sleep(0.1)
            async with asyncio.timeout(2):
                assert await durable._run("w3", "question", {}) == "done"
            other.execute("ROLLBACK")
        await hanging


async def test_work_that_was_cut_off_is_taken_up_at_the_next_start(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def hang(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        started.set()
        await asyncio.sleep(60)

    async with _running(tmp_path, hang) as durable:
        await durable.store(_arrival())
        await started.wait()
        assert not await durable.drain(0.05)

    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> str:
        return f"{kind} done"

    async with _running(tmp_path, handle) as durable:
        async with asyncio.timeout(20):
            assert await durable.result("w1") == "question done"


async def test_waiting_work_is_told_after_a_restart_until_it_is_done(tmp_path: Path) -> None:
    may_end = asyncio.Event()

    async def wait(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        await may_end.wait()

    async with _running(tmp_path, wait) as durable:
        await durable.store(_arrival())
        assert await durable.waiting() == [("w1", "question", {"text": "häuser 🎉"})]
        may_end.set()
        await durable.result("w1")
        assert await durable.waiting() == []


async def test_deleted_question_leaves_nothing_in_the_stored_work(tmp_path: Path) -> None:
    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        pass

    async with _running(tmp_path, handle) as durable:
        for arrival in (
            Arrival(id="q1", kind="question", payload={"text": "canary-one"}),
            Arrival(id="q1:edit:5", kind="edit", payload={"text": "canary-two"}),
            Arrival(id="q12", kind="question", payload={"text": "another"}),
            Arrival(id="q1:delete:9", kind="delete", payload={"key": "q1"}),
        ):
            await durable.store(arrival)
            await durable.result(arrival.id)
        assert not await durable.has("q1")
        assert await durable.has("q12")
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("durable.db*"))
    assert b"canary" not in kept
    assert b"another" in kept


async def test_question_that_is_still_under_way_is_forgotten_when_it_ends(tmp_path: Path) -> None:
    may_end = asyncio.Event()

    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        if kind == "question":
            await may_end.wait()

    async with _running(tmp_path, handle) as durable:
        await durable.store(Arrival(id="q1", kind="question", payload={"text": "canary"}))
        await durable.store(Arrival(id="q1:delete:9", kind="delete", payload={"key": "q1"}))
        await asyncio.sleep(0.3)
        assert await durable.has("q1")
        may_end.set()
        await durable.result("q1:delete:9")
        assert not await durable.has("q1")


async def test_old_work_is_discarded_and_newer_work_is_kept(tmp_path: Path) -> None:
    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        pass

    async with _running(tmp_path, handle) as durable:
        for work_id in ("w1", "w2"):
            await durable.store(_arrival(work_id))
            await durable.result(work_id)
        await discard(datetime.now(UTC) - timedelta(hours=1))
        assert await durable.has("w1")
        await discard(datetime.now(UTC) + timedelta(seconds=1))
        assert not await durable.has("w1")
        assert not await durable.has("w2")


async def test_database_that_cannot_be_written_means_not_stored(tmp_path: Path) -> None:
    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None: ...

    async with _running(tmp_path, handle) as durable:
        with sqlite3.connect(tmp_path / "durable.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(NotStored):
                await durable.store(_arrival())
            other.execute("ROLLBACK")


async def test_work_that_was_taken_up_too_often_is_named(tmp_path: Path) -> None:
    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None: ...

    async with _running(tmp_path, handle) as durable:
        await durable.store(_arrival())
        await durable.result("w1")
        with sqlite3.connect(tmp_path / "durable.db") as other:
            other.execute("UPDATE workflow_status SET status = 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'")
        assert await durable.given_up() == [("w1", "question", {"text": "häuser 🎉"})]


async def test_hourly_work_is_done_while_it_is_switched_on_and_its_schedule_goes_with_it(tmp_path: Path) -> None:
    read_at: list[datetime] = []

    async def read(at: datetime) -> None:
        read_at.append(at)

    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None: ...

    schedules: list[set[str]] = []
    for hourly in (read, None):
        durable = Durable(database_url=f"sqlite:///{tmp_path / 'durable.db'}", executor_id="bot-1", handler=handle)
        durable.launch(hourly=hourly)
        schedules.append({each["schedule_name"] for each in await DBOS.list_schedules_async()})
        if hourly is not None:
            await asyncio.to_thread(DBOS.trigger_schedule, HOURLY)
            async with asyncio.timeout(20):
                while not read_at:
                    await asyncio.sleep(0.05)
        await durable.close()
    assert schedules == [{HOURLY}, set()]
    assert [at.tzinfo for at in read_at] == [UTC]
