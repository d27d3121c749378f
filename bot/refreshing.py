"""Places read again by themselves: those that are due, one after another, the one that waits longest first."""

import asyncio
import contextlib
import logging
from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.errors import SlackError
from bot.quarantine import Quarantine
from bot.slack_documents import is_in_slack
from bot.upkeep import Upkeep
from knowledge.documents import IngestStatus
from knowledge.errors import KnowledgeError
from knowledge.library import Library
from knowledge.register import KnownPlace

log = logging.getLogger("tandem.refreshing")


class Refreshing:
    """What came of it is logged, and told by `/ingest status`; nobody is written to."""

    def __init__(self, *, library: Library, upkeep: Upkeep, quarantine: Quarantine, hours: int) -> None:
        self._library = library
        self._quarantine = quarantine
        self._upkeep = upkeep
        self._interval = timedelta(hours=hours)
        self._reading: asyncio.Task[None] | None = None

    async def read_due(self, at: datetime) -> None:
        """Read the places again that were last read an interval before then; nothing where that is under way."""
        if self._reading is not None and not self._reading.done():
            return
        self._reading = asyncio.create_task(self._read_all(at - self._interval))
        await asyncio.wait({self._reading})

    async def stop(self) -> None:
        """What is left is due still at the next hour."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    async def _read_all(self, before: datetime) -> None:
        try:
            for place in await self._library.places_due(before):
                # What is set aside is tried again by people alone.
                if not await self._quarantine.reason(place.place, place.scope):
                    await self._read(place)
        except (KnowledgeError, SQLAlchemyError):
            log.exception("places were not read again: the next hour tries it anew")

    async def _read(self, place: KnownPlace) -> None:
        try:
            counts = await (self._in_slack(place) if is_in_slack(place.place) else self._elsewhere(place))
        except (KnowledgeError, SlackError, OSError) as error:
            log.warning("%s was not read again: %s", place.place, type(error).__name__)
        except Exception:  # the edge of the process: one place must not keep the others from being read
            log.exception("%s was not read again", place.place)
        else:
            told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
            log.info("%s was read again: %s", place.place, told or "nothing is there")

    async def _elsewhere(self, place: KnownPlace) -> Counter[IngestStatus]:
        return Counter([result.status async for result in self._library.refresh_place(place)])

    async def _in_slack(self, place: KnownPlace) -> Counter[IngestStatus]:
        entries = await self._library.of_place(place)
        counts: Counter[IngestStatus] = Counter()
        for entry in entries:
            counts[(await self._upkeep.read_again(entry, at_once=False)).status] += 1
        await self._library.place_read(place, counts)
        return counts
