import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import create_async_engine

from bot.deliveries import Asked, Deliveries
from bot.tables import deliveries as table
from bot.tables import metadata

_ASKED = Asked(
    key="slack:T1:C1:100.1",
    exchange_id="slack:T1:C1:100.1",
    team="T1",
    channel="C1",
    ts="100.1",
    thread_ts="100.1",
    user="U1",
    text="How?",
)
_EDITED = replace(_ASKED, exchange_id=f"{_ASKED.key}:edit:200.1", version="200.1", text="Why?")


@pytest.fixture
async def deliveries(database_url: str) -> AsyncIterator[Deliveries]:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield Deliveries(engine)
    await engine.dispose()


async def test_question_is_new_once_and_then_resumed_until_it_is_answered(deliveries: Deliveries) -> None:
    assert await deliveries.claim(_ASKED) == "new"
    assert await deliveries.claim(_ASKED) == "resumed"
    await deliveries.settle(_ASKED.exchange_id, _ASKED.key, "answered")
    assert await deliveries.claim(_ASKED) is None


async def test_edit_takes_the_question_over_and_the_first_version_is_done_with(deliveries: Deliveries) -> None:
    await deliveries.claim(_ASKED)
    assert await deliveries.claim(_EDITED) == "revised"
    assert await deliveries.claim(_ASKED) is None


async def test_edit_that_overtakes_its_question_is_the_one_answered(deliveries: Deliveries) -> None:
    assert await deliveries.claim(_EDITED) == "new"
    assert await deliveries.claim(_ASKED) is None


async def test_overtaken_answer_does_not_settle_the_edit(deliveries: Deliveries) -> None:
    await deliveries.claim(_ASKED)
    await deliveries.claim(_EDITED)
    await deliveries.settle(_ASKED.exchange_id, _ASKED.key, "answered")
    found = await deliveries.find(_ASKED.key)
    assert found is not None
    assert (found.state, found.asked.text) == ("open", "Why?")


@pytest.mark.parametrize("was_known", [True, False])
async def test_withdrawn_question_is_never_answered_and_its_text_is_forgotten(
    deliveries: Deliveries, was_known: bool
) -> None:
    if was_known:
        await deliveries.claim(_ASKED)
    await deliveries.withdraw(replace(_ASKED, version="300.1", text=""))
    assert await deliveries.claim(_ASKED) is None
    assert await deliveries.claim(_EDITED) is None
    found = await deliveries.find(_ASKED.key)
    assert found is not None
    assert found.asked.text == ""


async def test_question_that_is_claimed_while_it_is_withdrawn_is_withdrawn(
    deliveries: Deliveries, database_url: str
) -> None:
    engine = create_async_engine(database_url)
    row = {name: getattr(_ASKED, name) for name in ("exchange_id", "team", "channel", "thread_ts", "text", "version")}
    row |= {"question_key": _ASKED.key, "question_ts": _ASKED.ts, "asker": "U1", "state": "open", "updated_at_us": 0}
    async with engine.begin() as claiming:
        await claiming.execute(insert(table).values(row))
        withdrawing = asyncio.create_task(deliveries.withdraw(replace(_ASKED, version="300.1")))
        await asyncio.wait([withdrawing], timeout=0.3)
    await withdrawing
    await engine.dispose()
    assert await deliveries.claim(_ASKED) is None


async def test_message_has_one_owner(deliveries: Deliveries) -> None:
    assert await deliveries.own("first", "C1", "100.2", 0)
    assert not await deliveries.own("second", "C1", "100.2", 0)
    assert await deliveries.owned("C1", "100.2") == "first"


async def test_messages_of_an_answer_come_in_the_order_of_its_parts(deliveries: Deliveries) -> None:
    await deliveries.own("x", "C1", "100.9", 1)
    await deliveries.own("x", "C1", "100.2", 0)
    assert await deliveries.messages("x") == ["100.2", "100.9"]


async def test_thread_is_known_by_its_questions_without_the_withdrawn(deliveries: Deliveries) -> None:
    later = replace(_ASKED, key="slack:T1:C1:101.1", exchange_id="slack:T1:C1:101.1", ts="101.1")
    for asked in (later, _ASKED):
        await deliveries.claim(asked)
    await deliveries.withdraw(later)
    assert [found.asked.ts for found in await deliveries.in_thread("C1", "100.1")] == ["100.1"]
    assert await deliveries.took_part("C1", "100.1")
    assert not await deliveries.took_part("C1", "999.1")
