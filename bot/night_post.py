"""The night in a few lines in a channel of administrators, with a button to go back, or to promote all the same."""

import logging
from dataclasses import dataclass
from typing import Any

from bot.arrivals import RELEASE_ACTION
from bot.directory import Directory
from bot.errors import ControlError, SlackError
from bot.orphans import Place, metadata, orphans
from bot.rendering import button, context, escape, section
from bot.settings import BotSettings
from bot.slack import Slack
from bot.tokens import read_tokens
from bot.views import id_of

_log = logging.getLogger(__name__)
_LINE_CHARS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class NightPost:
    """`adapter` is what the button puts into service, "" for no button; `says` is written on it."""

    title: str
    headline: str
    lines: tuple[str, ...] = ()
    page: str = ""
    adapter: str = ""
    says: str = ""


async def post_night(settings: BotSettings, post: NightPost, *, work_id: str) -> str:
    """Post it once, and say in a sentence what came of that. A night does not fail for want of Slack."""
    if not settings.report_channel:
        return "It was not posted: TANDEM_REPORT_CHANNEL is not set."
    tokens = read_tokens(settings)
    if tokens is None:
        return "It was not posted: there is no workspace yet."
    try:
        async with Slack(token=tokens.bot, api_url=tokens.api_url) as slack:
            return await _post(slack, settings.report_channel.removeprefix("#"), post, work_id)
    except (SlackError, ControlError) as error:
        _log.warning("the night was not posted: %s", error)
        return f"It was not posted: {error}."


async def _post(slack: Slack, channel: str, post: NightPost, work_id: str) -> str:
    me = await slack.read("auth.test")
    directory = Directory(slack, team=str(me["team_id"]))
    channel_id = await id_of(directory, "conversations.list", "channels", channel, "channel")
    if (await directory.channel(channel_id)).is_shared_outside:
        return "It was not posted: the channel is shared with another organisation."
    place = Place(team=str(me["team_id"]), channel=channel_id, thread_ts="", after_ts="0", user="")
    # After a crash between Slack's showing it and our knowing of it, it is there already.
    if not await orphans(slack, place, bot_user=str(me["user_id"]), work_id=work_id):
        await slack.write(
            "chat.postMessage",
            channel=channel_id,
            text=escape(f"{post.title}: {post.headline}"),
            blocks=night_blocks(post),
            metadata=metadata(work_id),
            unfurl_links=False,
            unfurl_media=False,
        )
    return "It was posted."


def night_blocks(post: NightPost) -> list[dict[str, Any]]:
    blocks = [section(f"*{escape(post.title)}*\n{escape(post.headline[:2_000])}")]
    if post.lines:
        blocks.append(section("\n".join(escape(line[:_LINE_CHARS]) for line in post.lines)[:3_000]))
    if post.page:
        blocks.append(context(f"The whole report: {post.page}"))
    if post.adapter:
        press = button(post.says, action_id=RELEASE_ACTION, value=post.adapter)
        press["confirm"] = {
            "title": {"type": "plain_text", "text": "Change the adapter?"},
            "text": {"type": "plain_text", "text": f"{post.adapter} will answer from now on."},
            "confirm": {"type": "plain_text", "text": "Change it"},
            "deny": {"type": "plain_text", "text": "Leave it"},
        }
        blocks.append({"type": "actions", "block_id": "release", "elements": [press]})
    return blocks
