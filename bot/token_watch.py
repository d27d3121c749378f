"""What is done while Slack does not take the bot's token: nothing is taken in, so that nothing is acknowledged in vain."""

import asyncio
import logging

from bot.errors import SlackError
from bot.intake import Intake
from bot.slack import Slack

log = logging.getLogger("tandem.token_watch")


async def watch_token(slack: Slack, intake: Intake, *, look_every_s: float) -> None:
    """Close the intake when a call finds the token refused, and open it when Slack takes the token again; never ends."""
    while True:
        await slack.token_refused.wait()
        intake.open = False
        log.error(
            "Slack no longer takes SLACK_BOT_TOKEN: nothing is taken in, and what was accepted waits, until it does "
            "again. If the app was installed anew, set its new token and start again"
        )
        await _until_taken(slack, look_every_s)
        slack.token_refused.clear()
        intake.open = True
        log.warning("Slack takes SLACK_BOT_TOKEN again: messages are taken in, and what waited is done")


async def _until_taken(slack: Slack, look_every_s: float) -> None:
    while True:
        try:
            await slack.read("auth.test")
        except SlackError:  # also where Slack is away: it may refuse the token still
            await asyncio.sleep(look_every_s)
        else:
            return
