"""An adapter put into service, or back, by the button under the report of a night."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.directory import Directory
from bot.errors import BotError, SlackError, SlackRefused
from bot.failures import NOT_DONE, note
from bot.orphans import Place
from bot.payloads import optional, required
from bot.rendering import escape
from bot.stream import Outlet, Reply

_log = logging.getLogger(__name__)
_ADAPTER = re.compile(r"[a-z0-9][a-z0-9-]{0,39}@[0-9a-f]{12}")
_ADMINS_ONLY = "Only administrators of this workspace may change which adapter is in service."
_UNKNOWN = "That button names no adapter, so nothing was changed."

PutIntoService = Callable[[str], Awaitable[None]]
"""Puts the adapter of that name into service, once however often it is asked. Raises BotError with a sentence for people."""


class ReleaseDesk:
    def __init__(self, *, directory: Directory, outlet: Outlet, put_into_service: PutIntoService) -> None:
        self._directory = directory
        self._outlet = outlet
        self._put_into_service = put_into_service

    async def take(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Do what was clicked, and say in the report's thread what came of it."""
        reply = await self._reply(work_id, payload)
        await reply.replace(note(await self._changed(required(payload, "user"), optional(payload, "value"))))

    async def own_up(self, work_id: str, payload: Mapping[str, Any]) -> None:
        await (await self._reply(work_id, payload)).replace(note(NOT_DONE))

    async def _changed(self, user: str, adapter: str) -> str:
        if not await self._may_change(user):
            return f":warning: {_ADMINS_ONLY}"
        if not _ADAPTER.fullmatch(adapter):
            return f":warning: {_UNKNOWN}"
        try:
            await self._put_into_service(adapter)
        except SlackError:
            raise
        except BotError as error:
            return f":warning: {escape(str(error))}"
        _log.info("%s put %s into service", user, adapter)
        return f":white_check_mark: <@{user}> put `{adapter}` into service. Answers come from it from now on."

    async def _may_change(self, user: str) -> bool:
        """Asked when it is done, which may be later than the click. Whom Slack does not know may not."""
        try:
            person = await self._directory.person(user)
        except SlackRefused:
            return False
        return person.is_member and person.is_admin

    async def _reply(self, work_id: str, payload: Mapping[str, Any]) -> Reply:
        place = Place(
            team=required(payload, "team"),
            channel=required(payload, "channel"),
            thread_ts=required(payload, "thread_ts"),
            after_ts=required(payload, "message_ts"),
            user=required(payload, "user"),
        )
        reply = self._outlet.reply(place, work_id, work_id)
        await reply.recover()
        return reply
