"""Tries of documents, counted in the database that outlives the process."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

import bot.tables
from bot.document_reading import handed_over_again
from bot.quarantine import Quarantine, Tried
from knowledge.audience import EVERYONE, parse_audience

_TEA = Tried(place="https://a.example/tea", scope="public", title="Tea", channel="C1")
_PAY = Tried(place="https://a.example/pay", scope="channel:C1", title="Pay", channel="C1")


@pytest.fixture
async def quarantine(database_url: str) -> AsyncIterator[Quarantine]:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(bot.tables.metadata.create_all)
    yield Quarantine(engine)
    await engine.dispose()


async def _kill_in(quarantine: Quarantine, work_id: str, document: Tried, *, times: int) -> None:
    """The process ends in the middle of each try: nothing is written after it was begun."""
    for _ in range(times):
        assert await quarantine.begin(work_id, document) is None


async def test_document_is_set_aside_when_three_tries_were_begun_and_none_was_ended(quarantine: Quarantine) -> None:
    await _kill_in(quarantine, "w1:1", _TEA, times=3)
    assert await quarantine.set_aside(EVERYONE) == []
    first = await quarantine.begin("w1:1", _TEA)
    assert first is not None
    assert first.reason.startswith("I broke down 3 times while I read this")
    assert await quarantine.begin("w1:1", _TEA) == first
    assert await quarantine.set_aside(EVERYONE) == [first]
    assert await quarantine.reason(_TEA.place, "public") == first.reason


async def test_document_that_failed_three_times_is_set_aside_with_another_reason(quarantine: Quarantine) -> None:
    for _ in range(3):
        assert await quarantine.begin("w1:1", _TEA) is None
        await quarantine.failed("w1:1")
    aside = await quarantine.begin("w1:1", _TEA)
    assert aside is not None
    assert aside.reason.startswith("Reading this failed 3 times on my side")


async def test_try_that_was_broken_off_by_an_outage_does_not_count(quarantine: Quarantine) -> None:
    await _kill_in(quarantine, "w1:1", _TEA, times=2)
    for _ in range(5):
        assert await quarantine.begin("w1:1", _TEA) is None
        await quarantine.leave("w1:1")
    assert await quarantine.begin("w1:1", _TEA) is None
    assert await quarantine.begin("w1:1", _TEA) is not None


async def test_document_is_suspect_while_a_try_was_begun_and_not_ended(quarantine: Quarantine) -> None:
    assert not await quarantine.is_suspect("w1:1")
    await quarantine.begin("w1:1", _TEA)
    assert await quarantine.is_suspect("w1:1")
    await quarantine.leave("w1:1")
    assert not await quarantine.is_suspect("w1:1")
    await quarantine.begin("w1:1", _TEA)
    await quarantine.failed("w1:1")
    assert not await quarantine.is_suspect("w1:1")


async def test_document_handed_over_again_is_tried_anew_and_set_aside_no_more(quarantine: Quarantine) -> None:
    await _kill_in(quarantine, "w1:1", _TEA, times=3)
    await quarantine.begin("w1:1", _TEA)
    assert await quarantine.begin("w2:1", _TEA) is None
    assert await quarantine.set_aside(EVERYONE) == []
    await _kill_in(quarantine, "w2:1", _TEA, times=2)
    assert await quarantine.begin("w2:1", _TEA) is not None


async def test_document_that_was_read_is_counted_no_more(quarantine: Quarantine) -> None:
    await _kill_in(quarantine, "w1:1", _TEA, times=3)
    await quarantine.end("w1:1")
    assert await quarantine.begin("w1:1", _TEA) is None


async def test_what_is_set_aside_is_told_to_those_who_may_read_it(quarantine: Quarantine) -> None:
    for work_id, document in (("w1:1", _TEA), ("w1:2", _PAY)):
        await _kill_in(quarantine, work_id, document, times=3)
        await quarantine.begin(work_id, document)
    assert [each.document for each in await quarantine.set_aside(EVERYONE)] == [_TEA]
    inside = parse_audience("channel:C1")
    assert [each.document for each in await quarantine.set_aside(inside)] == [_PAY, _TEA]
    assert await quarantine.set_aside(inside, channel="C2") == []
    assert await quarantine.reason(_PAY.place, "public") == ""
    await quarantine.release({_TEA.place, _PAY.place}, "public")
    assert [each.document for each in await quarantine.set_aside(inside)] == [_PAY]


@pytest.mark.parametrize("overheard", [True, False])
async def test_document_that_is_tried_again_keeps_whether_it_may_be_learnt_from(
    quarantine: Quarantine, overheard: bool
) -> None:
    tea = replace(_TEA, overheard=overheard)
    await _kill_in(quarantine, "w1:1", tea, times=3)
    await quarantine.begin("w1:1", tea)
    (named,) = await quarantine.named(_TEA.place, EVERYONE, ingest_id="w2")
    again = handed_over_again(named, ingest_id="w2", channel="C1", user="U1")
    assert (again.name, again.overheard) == (_TEA.place, overheard)
