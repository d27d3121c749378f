"""The tokens that the bot connects with: Slack's from the settings, or those of the local workspace."""

import json
from dataclasses import dataclass
from pathlib import Path

from bot.errors import SettingsError, SlackRefused, SlackUnauthorized
from bot.settings import BotSettings
from bot.slack import Slack


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tokens:
    """`repr` is left out: tokens must not reach a log."""

    bot: str
    app: str | None
    signing_secret: str | None
    api_url: str


def read_tokens(settings: BotSettings) -> Tokens | None:
    """None: no Slack is set, and the local workspace was never started. Raises SettingsError on a broken token file."""
    if settings.slack_bot_token is not None:
        return Tokens(
            bot=settings.slack_bot_token.get_secret_value(),
            app=settings.slack_app_token.get_secret_value() if settings.slack_app_token else None,
            signing_secret=settings.slack_signing_secret.get_secret_value() if settings.slack_signing_secret else None,
            api_url=settings.slack_api_url,
        )
    place = workspace_home(settings) / "tokens.json"
    if not place.exists():
        return None
    try:
        told = json.loads(place.read_text())
        return Tokens(
            bot=told["bot_token"],
            app=told["app_token"],
            signing_secret=None,
            api_url=f"http://127.0.0.1:{settings.workspace_port}/api/",
        )
    except (ValueError, KeyError) as error:
        raise SettingsError(f"{place} is broken: remove {place.parent} to begin with a new local workspace") from error


async def check_app_token(app_token: str, api_url: str) -> None:
    """Ask for a connection once, as Socket Mode does. Raises SettingsError if Slack refuses, SlackError if it can't tell."""
    async with Slack(token=app_token, api_url=api_url) as slack:
        try:
            await slack.write("apps.connections.open")
        except (SlackRefused, SlackUnauthorized) as error:
            raise SettingsError(
                f"SLACK_APP_TOKEN is refused ({error.code}): make one with connections:write in the app's settings"
            ) from error


def workspace_home(settings: BotSettings) -> Path:
    return settings.home.absolute() / "workspace"
