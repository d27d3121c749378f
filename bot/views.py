"""Whose view a question from the command line is asked with, by the names that people use."""

from bot.assembly import Configuration
from bot.directory import Directory
from bot.errors import ControlError, SlackError
from bot.membership import Access, access, channel_access
from bot.operations import WhoSees
from bot.slack import Slack
from bot.tokens import read_tokens
from knowledge.audience import Audience


def who_sees(configuration: Configuration) -> WhoSees:
    """Look the user and the channel up at Slack, and ask for what everyone who would see the answer may read."""

    async def ask(user: str, channel: str) -> tuple[str, str, Audience]:
        tokens = read_tokens(configuration.bot)
        if tokens is None:
            raise ControlError("--as and --in need a workspace to ask who is in it: start tandem run once")
        try:
            async with Slack(token=tokens.bot, api_url=tokens.api_url) as slack:
                return await _look_up(slack, user, channel)
        except SlackError as error:
            raise ControlError(f"the workspace could not be asked who may read: {error}") from error

    return ask


async def _look_up(slack: Slack, user: str, channel: str) -> tuple[str, str, Audience]:
    directory = Directory(slack, team=str((await slack.read("auth.test"))["team_id"]))
    channel_id = (
        await id_of(directory, "conversations.list", "channels", channel.removeprefix("#"), "channel")
        if channel
        else ""
    )
    if not user:
        granted = await channel_access(directory, channel_id)
        return "", channel_id, _granted(granted)
    user_id = await id_of(directory, "users.list", "members", user, "user")
    if not channel_id:
        opened = await slack.write("conversations.open", users=user_id)
        channel_id = str(opened["channel"]["id"])
    audience = _granted(await access(directory, channel=channel_id, user=user_id))
    return user_id, channel_id, audience


def _granted(granted: Access) -> Audience:
    if granted.refusal:
        raise ControlError(granted.refusal)
    return granted.audience


async def id_of(directory: Directory, method: str, listed: str, wanted: str, kind: str) -> str:
    types = {"types": "public_channel,private_channel"} if method == "conversations.list" else {}
    async for entry in directory.entries(method, listed, **types):
        if wanted in {entry.get("id"), entry.get("name")}:
            return str(entry["id"])
    raise ControlError(f"there is no {kind} {wanted} that the bot can see")
