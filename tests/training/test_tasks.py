"""Tasks that are done together or not at all."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from router.errors import ModelUnavailable
from training.tasks import failing_as_one


async def _all_of(*works: Coroutine[Any, Any, None]) -> None:
    async with failing_as_one() as tasks:
        for work in works:
            tasks.create_task(work)


async def test_tasks_that_go_well_are_all_done_at_the_end():
    async with failing_as_one() as tasks:
        slow, fast = (tasks.create_task(asyncio.sleep(delay, delay)) for delay in (0.02, 0))

    assert (slow.result(), fast.result()) == (0.02, 0)


async def test_first_error_is_raised_as_it_is_when_the_others_have_ended():
    ended: list[str] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ModelUnavailable from OSError("refused")

    async def go_on() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            ended.append("slowly")

    with pytest.raises(ModelUnavailable) as caught:
        await _all_of(go_on(), fail(), fail())

    assert str(caught.value.__cause__) == "refused"
    assert ended == ["slowly"]


async def test_end_of_the_whole_ends_each():
    ended = asyncio.Event()

    async def go_on() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    running = asyncio.create_task(_all_of(go_on()))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert ended.is_set()
