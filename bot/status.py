"""The line under a thread that says what is being done: `is searching the documents`."""

import asyncio
import logging

from bot.errors import SlackError
from bot.slack import Slack

log = logging.getLogger("tandem.status")

_STATUS_CHARS = 100


class Status:
    """Never in an answer's way: it is sent beside the work, and a failure of it is only logged."""

    def __init__(self, slack: Slack, *, channel: str, thread_ts: str, may_stand: bool) -> None:
        """`may_stand`: an earlier attempt may have left its line."""
        self._slack = slack
        self._channel = channel
        self._thread_ts = thread_ts
        self._may_stand = may_stand
        self._sending: asyncio.Task[None] | None = None

    def show(self, status: str) -> None:
        """Show what is being done, unless the line before it is still on its way."""
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(status))

    async def clear(self) -> None:
        """Slack clears it when a reply is posted, but not when one is updated, or when a line overtakes its reply."""
        if self._sending is not None:
            await self._sending
        if self._may_stand or self._sending is not None:
            await self._send("")

    async def _send(self, status: str) -> None:
        said = status[:1].lower() + status[1:_STATUS_CHARS]
        try:
            await self._slack.write(
                "assistant.threads.setStatus",
                channel_id=self._channel,
                thread_ts=self._thread_ts,
                status=f"is {said}…" if said else "",
            )
        except SlackError as error:
            log.debug("the status was not shown: %s", error)
