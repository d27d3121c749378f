import asyncio

from bot.turns import Seats, ThreadLocks


async def test_a_person_with_many_questions_does_not_go_before_others() -> None:
    seats, log = Seats(1), []

    async def ask(person: str) -> None:
        async with seats.sit(person):
            log.append(person)
            await asyncio.sleep(0)

    await asyncio.gather(*(ask("loud") for _ in range(5)), ask("quiet"))
    assert log.index("quiet") <= 2


async def test_no_more_than_the_seats_are_answered_at_once() -> None:
    seats, now, most = Seats(3), 0, 0

    async def ask(n: int) -> None:
        nonlocal now, most
        async with seats.sit(f"U{n % 4}"):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1

    await asyncio.gather(*(ask(n) for n in range(20)))
    assert most == 3


async def test_a_seat_that_was_given_up_while_waiting_is_free_for_the_next() -> None:
    seats = Seats(1)
    async with seats.sit("U1"):
        waiting = asyncio.create_task(_sit(seats, "U2"))
        await asyncio.sleep(0)
        waiting.cancel()
    async with asyncio.timeout(1):
        await _sit(seats, "U3")


async def test_questions_of_a_thread_are_answered_in_the_order_they_came() -> None:
    locks, log = ThreadLocks(), []

    async def ask(n: int) -> None:
        async with locks.hold("C1", "1.0"):
            await asyncio.sleep(0.001 * (5 - n))
            log.append(n)

    await asyncio.gather(*(ask(n) for n in range(5)))
    assert log == [0, 1, 2, 3, 4]


async def _sit(seats: Seats, person: str) -> None:
    async with seats.sit(person):
        pass
