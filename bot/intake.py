"""Every delivery is written down before Slack hears that it arrived."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bot.arrivals import ADD_SHORTCUT, CORRECTION_VIEW, INGEST_VIEW, Arrival, Identity, read_action, read_event
from bot.deliveries import Deliveries
from bot.durable import Durable
from bot.errors import NotStored
from bot.failpoints import Failpoints
from bot.feedback import read_correction
from bot.following import Following
from bot.ingest_command import read_command, read_shortcut
from bot.ingest_form import read_form
from bot.payloads import Malformed, inner, optional
from knowledge.errors import CatalogueUnavailable

log = logging.getLogger("tandem.intake")

_ACCEPTED, _BAD_REQUEST, _NOT_NOW = 200, 400, 503
# By then their questions are long claimed, and the table of deliveries knows the threads.
_THREADS_REMEMBERED = 10_000


class Intake:
    def __init__(
        self, *, durable: Durable, deliveries: Deliveries, following: Following, me: Identity, failpoints: Failpoints
    ) -> None:
        self._durable = durable
        self._deliveries = deliveries
        self._following = following
        self._me = me
        self._failpoints = failpoints
        self._threads: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.open = True
        """Closed when the process is to end, and while Slack does not take the token: what arrives then is left to Slack,
        which delivers it again."""

    def remember(self, kind: str, payload: Mapping[str, Any]) -> None:
        """A question that waits its turn has a part in its thread already: what follows there is for the bot too."""
        if kind == "question":
            self._threads[payload["channel"], payload["thread_ts"]] = None
            if len(self._threads) > _THREADS_REMEMBERED:
                self._threads.popitem(last=False)

    async def take_in(self, body: Mapping[str, Any]) -> tuple[int, Arrival | None]:
        """Store what a delivery asks of the bot, which is returned, and what it changes in the documents.

        The status is for Slack: only 200 acknowledges, and 503 has it sent again.
        """
        try:
            arrival = self._read(body)
            if arrival is not None and not await self._concerns_us(arrival):
                arrival = None
            wanted = [each for each in (arrival, await self._following.read(body)) if each is not None]
            if not wanted:
                return _ACCEPTED, None
            if not self.open:
                return _NOT_NOW, None
            for each in wanted:
                await self._durable.store(each)
                self.remember(each.kind, each.payload)
        except Malformed as error:
            log.warning("a delivery without its %s was refused", error)
            return _BAD_REQUEST, None
        except (NotStored, CatalogueUnavailable, SQLAlchemyError, OSError) as error:
            log.error("a delivery was not stored, and so not acknowledged: %s", type(error).__name__)  # noqa: TRY400 — the trace is the driver's, and may hold the message
            return _NOT_NOW, None
        self._failpoints.reached("after_store")
        return _ACCEPTED, arrival

    def _read(self, body: Mapping[str, Any]) -> Arrival | None:
        match body.get("type"):
            case "event_callback":
                return read_event(body, self._me)
            case "block_actions":
                return read_action(body)
            case "view_submission":
                callback = optional(inner(body, "view"), "callback_id")
                readers = {CORRECTION_VIEW: read_correction, INGEST_VIEW: read_form}
                return readers[callback](body) if callback in readers else None
            case "message_action" if optional(body, "callback_id") == ADD_SHORTCUT:
                return read_shortcut(body)
            case None if "command" in body:
                return read_command(body)
            case _:
                return None

    async def _concerns_us(self, arrival: Arrival) -> bool:
        """A reply without a mention is for the bot where it took part in the thread; a change, where it knows the message."""
        if arrival.settled or await self._durable.has(arrival.about):
            return True
        if arrival.kind == "question":
            thread = (arrival.payload["channel"], arrival.payload["thread_ts"])
            return thread in self._threads or await self._deliveries.took_part(*thread)
        return await self._deliveries.find(arrival.about) is not None
