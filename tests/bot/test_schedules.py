import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dbos import DBOS, SetWorkflowID

from bot.durable import Durable
from bot.schedules import last_due

_NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)


@pytest.mark.parametrize("first", [date(2026, 3, 28), date(2026, 10, 24)])
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 23])
def test_each_date_has_one_night_also_where_clocks_are_changed(first: date, hour: int) -> None:
    """Looked at each quarter of an hour in a zone whose clocks jump on the second of these days."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    looks = [start + n * timedelta(minutes=15) for n in range(4 * 24 * 3)]
    nights = {last_due(at.astimezone(ZoneInfo("Europe/Berlin")), hour) for at in looks}

    assert len({night.date() for night in nights}) == len(nights) in {3, 4}
    assert all(night <= start + timedelta(days=3) and night.hour == hour for night in nights)
    assert max(nights) - min(nights) == timedelta(days=len(nights) - 1)


@asynccontextmanager
async def _running(folder: Path, nights: list[datetime], *, now: datetime) -> AsyncIterator[Durable]:
    async def handle(_work_id: str, _kind: str, _payload: dict[str, Any]) -> None: ...

    async def night(at: datetime) -> None:
        nights.append(at)

    durable = Durable(database_url=f"sqlite:///{folder / 'durable.db'}", executor_id="bot-1", handler=handle)
    durable.launch(nightly=night, nightly_hour_utc=2)
    try:
        await durable.catch_up(now)
        await asyncio.sleep(0.3)
        yield durable
    finally:
        await durable.close()


async def _done_by_the_clock(durable: Durable, at: datetime) -> None:
    assert durable._schedules is not None
    with SetWorkflowID(f"sched-nightly-{at.isoformat()}"):
        handle = await DBOS.start_workflow_async(durable._schedules._night, at.isoformat(), None)
    await handle.get_result()


async def test_first_day_has_no_night_to_catch_up(tmp_path: Path) -> None:
    nights: list[datetime] = []
    async with _running(tmp_path, nights, now=_NOW):
        assert nights == []


async def test_nights_missed_while_nothing_ran_are_caught_up_by_the_last_one(tmp_path: Path) -> None:
    nights: list[datetime] = []
    async with _running(tmp_path, nights, now=_NOW) as durable:
        await _done_by_the_clock(durable, _NOW.replace(hour=2))
    for days in (0, 5, 5):
        async with _running(tmp_path, nights, now=_NOW + timedelta(days=days, hours=1)):
            pass
    assert nights == [datetime(2026, 11, 28, 2, tzinfo=UTC), datetime(2026, 12, 3, 2, tzinfo=UTC)]
