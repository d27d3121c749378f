"""A word to the one person who clicked, where they did."""

import logging
from collections.abc import Mapping
from typing import Any

from bot.errors import SlackError
from bot.pacer import Pacer
from bot.payloads import optional, required
from bot.slack import Slack

log = logging.getLogger("tandem.whispers")


class Whispers:
    def __init__(self, *, slack: Slack, pacer: Pacer) -> None:
        self._slack = slack
        self._pacer = pacer

    async def tell(self, payload: Mapping[str, Any], text: str) -> None:
        """That a click was kept does not hang on the person's hearing of it: a failure is logged and no more."""
        channel = required(payload, "channel")
        try:
            async with self._pacer.turn(channel, urgent=False):
                await self._slack.write(
                    "chat.postEphemeral",
                    channel=channel,
                    user=required(payload, "user"),
                    thread_ts=optional(payload, "thread_ts") or None,
                    text=text,
                )
        except SlackError as error:
            log.info("a word to one person was not shown: %s", error)
