import asyncio
import itertools

from bot.pacer import Pacer


async def _post(pacer: Pacer, channel: str, name: str, log: list[str], *, urgent: bool = True) -> None:
    async with pacer.turn(channel, urgent=urgent):
        log.append(name)


async def test_posts_of_one_channel_keep_their_distance() -> None:
    pacer, times = Pacer(interval_s=0.05), []

    async def post() -> None:
        async with pacer.turn("C1"):
            times.append(asyncio.get_running_loop().time())

    await asyncio.gather(*(post() for _ in range(3)))
    assert all(later - earlier >= 0.049 for earlier, later in itertools.pairwise(times))


async def test_channels_do_not_wait_for_each_other() -> None:
    pacer, log = Pacer(interval_s=60), []
    async with asyncio.timeout(1):
        await asyncio.gather(*(_post(pacer, f"C{n}", f"{n}", log) for n in range(50)))
    assert len(log) == 50


async def test_answers_go_before_notes_that_waited_longer() -> None:
    pacer, log = Pacer(interval_s=0.02), []
    first = asyncio.create_task(_post(pacer, "C1", "first", log))
    await asyncio.sleep(0)
    waiting = [
        asyncio.create_task(_post(pacer, "C1", "note", log, urgent=False)),
        asyncio.create_task(_post(pacer, "C1", "answer", log)),
    ]
    await asyncio.gather(first, *waiting)
    assert log == ["first", "answer", "note"]


async def test_a_post_that_is_given_up_while_waiting_does_not_hold_the_channel() -> None:
    pacer, log = Pacer(interval_s=0.02), []
    first = asyncio.create_task(_post(pacer, "C1", "first", log))
    await asyncio.sleep(0)
    given_up = asyncio.create_task(_post(pacer, "C1", "given up", log))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(first, _post(pacer, "C1", "last", log))
    assert log == ["first", "last"]
