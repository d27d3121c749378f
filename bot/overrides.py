"""A click that asks for another route: kept as feedback on the route taken, and answered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.answering import Answering
from bot.arrivals import REDO_ACTION
from bot.deliveries import Deliveries, question_of
from bot.directory import Directory
from bot.failures import INTERNAL
from bot.membership import access
from bot.payloads import optional, required
from bot.whispers import Whispers
from router.decisions import Route
from router.errors import UnknownExchange
from router.feedback import Feedback
from router.journal import Journal

_GONE = "This answer is no longer on record, so its question cannot be answered again."


class OverrideDesk:
    """The event's id is that of the stored click, and the new answer's that of question and route: run again, nothing changes."""

    def __init__(
        self,
        *,
        answering: Answering,
        journal: Journal,
        deliveries: Deliveries,
        directory: Directory,
        whispers: Whispers,
    ) -> None:
        self._answering = answering
        self._journal = journal
        self._deliveries = deliveries
        self._directory = directory
        self._whispers = whispers

    async def take(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Keep what the person wants, and answer that way; a person who may not read here is told so alone."""
        channel, user = required(payload, "channel"), required(payload, "user")
        exchange_id = optional(payload, "value")
        wanted = Route.RETRIEVE if optional(payload, "action") == REDO_ACTION else Route.DIRECT
        allowed = await access(self._directory, channel=channel, user=user)
        if allowed.refusal:
            await self._whispers.tell(payload, allowed.refusal)
            return
        known = await self._deliveries.find(question_of(exchange_id))
        if known is None or known.asked.channel != channel:
            await self._whispers.tell(payload, _GONE)
            return
        at = datetime.fromtimestamp(float(required(payload, "version")), UTC)
        event = Feedback(
            feedback_id=work_id, exchange_id=exchange_id, person=user, kind="override", at=at, wanted=wanted
        )
        try:
            await self._journal.add_feedback(event)
        except UnknownExchange:
            await self._whispers.tell(payload, _GONE)
            return
        await self._answering.redo(known.asked, route=wanted, user=user)

    async def own_up(self, payload: Mapping[str, Any]) -> None:
        await self._whispers.tell(payload, INTERNAL)
