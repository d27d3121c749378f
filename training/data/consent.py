"""Who does not want anything to be learnt from their words."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.exchanges import Exchange
from router.feedback import Feedback
from router.tables import exchanges
from router.transactions import transaction
from training.tables import training_opt_outs


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut:
    """People who opted out, and the threads in which they asked: their words stand in the prompts of others there."""

    people: frozenset[str] = frozenset()
    threads: frozenset[str] = frozenset()

    def has_part_in(self, exchange: Exchange) -> bool:
        """Whether words of theirs may be in it. Of a thread that is not known, nobody can say, so they may."""
        if not self.people:
            return False
        unknown = bool(exchange.thread) and not exchange.thread_id
        return exchange.asker in self.people or exchange.thread_id in self.threads or unknown

    def without_theirs(self, events: Iterable[Feedback]) -> list[Feedback]:
        return [event for event in events if event.person not in self.people]


class Consent:
    """Every method raises JournalUnavailable when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def opt_out(self, person: str, at: datetime) -> None:
        """From the next export on nothing of theirs is in any window, written before or not."""
        async with transaction(self._engine) as connection:
            await connection.execute(delete(training_opt_outs).where(training_opt_outs.c.person == person))
            await connection.execute(insert(training_opt_outs).values(person=person, at=at))

    async def opt_in(self, person: str) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(delete(training_opt_outs).where(training_opt_outs.c.person == person))

    async def opted_out(self) -> OptedOut:
        async with transaction(self._engine) as connection:
            people = frozenset((await connection.execute(select(training_opt_outs.c.person))).scalars())
        return OptedOut(people=people, threads=await self._threads_of(people))

    async def _threads_of(self, people: Collection[str]) -> frozenset[str]:
        asked = select(exchanges.c.thread_id).where(exchanges.c.asker.in_(people), exchanges.c.thread_id != "")
        async with transaction(self._engine) as connection:
            return frozenset((await connection.execute(asked.distinct())).scalars())
