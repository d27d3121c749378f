"""What the Slack side and the command line are told from outside.

Every package has such a class; only the composition root fills it, by `load_settings`.
"""

import os
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self, TypeVar

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError

_Settings = TypeVar("_Settings", bound=BaseSettings)

_PREFIXES = ("TANDEM_", "SLACK_")
# Two letters changed places, or one too many: far from the variables that only tests and builds know.
_NEARLY = 0.9


class BotSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="TANDEM_", extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    home: Path = Field(default=Path(".tandem"), description="The one folder that holds all state.")
    database_url: SecretStr | None = Field(
        default=None,
        description="SQL database, `postgresql://user:password@host/name`. Empty: SQLite below TANDEM_HOME.",
    )

    slack_bot_token: SecretStr | None = Field(
        default=None,
        validation_alias="SLACK_BOT_TOKEN",
        description="Bot token (`xoxb-…`). Empty: the local workspace is started instead of Slack.",
    )
    slack_app_token: SecretStr | None = Field(
        default=None, validation_alias="SLACK_APP_TOKEN", description="App-level token (`xapp-…`) for Socket Mode."
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None, validation_alias="SLACK_SIGNING_SECRET", description="Signing secret, for HTTP mode."
    )
    slack_port: int | None = Field(default=None, ge=1, le=65_535, description="Port of HTTP mode. Empty: Socket Mode.")
    slack_host: str = Field(default="127.0.0.1", description="Address that HTTP mode listens on.")
    slack_api_url: str = Field(
        default="https://slack.com/api/",
        validation_alias="SLACK_API_URL",
        description="The Web API's address; another Slack-compatible server by choice.",
    )

    workspace_port: int = Field(default=3100, ge=1, le=65_535, description="Port of the local workspace's page.")
    health_port: int = Field(default=3110, ge=1, le=65_535, description="Port of /healthz and /readyz, on loopback.")
    questions_per_minute: int = Field(default=20, ge=1, description="How many questions one person may ask a minute.")

    model_port: int = Field(
        default=8100, ge=1, le=65_535, description="Port of the embedded model's server, on loopback."
    )
    model_venv: Path = Field(default=Path(".venv-model"), description="The Python environment that holds vLLM.")
    model_dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto",
        description="Number type of the embedded model's server; `auto` takes bfloat16 where the processor is fast at it.",
    )
    model_threads: str = Field(
        default="auto",
        pattern=r"^(?:auto|[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)$",
        description="Cores that the embedded model's server is bound to, like `0-3`; `auto` takes all.",
    )

    sample: bool = Field(
        default=True, description="Take the sample handbook in at the first start of the local workspace."
    )
    nightly_hour_utc: int = Field(default=2, ge=0, le=23, description="Hour (UTC) at which the nightly work begins.")
    nightly_here: bool = Field(
        default=True,
        description="Whether `tandem run` does the nightly work; false where `tandem nightly` runs by itself.",
    )
    report_channel: str = Field(
        default="",
        description="The channel, by name or id, that is told each morning what came of the night; empty: none. Meant for administrators.",
    )
    refresh_hours: int = Field(
        default=0,
        ge=0,
        description="After how many hours folders, sites, repositories and pages are read again by themselves; 0: never.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much is logged: debug, info, warning, error."
    )
    replica: str = Field(
        default="bot-1",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Name of this replica, the same over restarts: by it the work that it left is found.",
    )
    failpoint: str = Field(default="", description="For tests only: the step at which the process kills itself.")

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret")
    @classmethod
    def _is_copied_whole(cls, secret: SecretStr | None) -> SecretStr | None:
        told = secret.get_secret_value() if secret else ""
        if not told.isascii() or any(letter.isspace() for letter in told):
            raise ValueError("it holds a letter that Slack's never have: copy it again, whole, from the app's page")
        return secret

    @model_validator(mode="after")
    def _slack_is_whole(self) -> Self:
        if self.slack_port is not None and not (self.slack_bot_token and self.slack_signing_secret):
            raise ValueError("TANDEM_SLACK_PORT asks for HTTP mode: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET too")
        if self.slack_bot_token and not self.slack_app_token and self.slack_port is None:
            raise ValueError(
                "SLACK_BOT_TOKEN alone does not connect: set SLACK_APP_TOKEN for Socket Mode, "
                "or SLACK_SIGNING_SECRET and TANDEM_SLACK_PORT for HTTP mode"
            )
        return self

    @property
    def local_workspace(self) -> bool:
        """Without a bot token there is no Slack to talk to: the local workspace takes its place."""
        return self.slack_bot_token is None


def load_settings(kind: type[_Settings]) -> _Settings:
    """Fill a settings class from the environment and `.env`.

    Raises SettingsError with one line a wrong value: the variable's name and what to write.
    """
    try:
        return kind(_env_file=".env")  # pyright: ignore[reportCallIssue] — pydantic-settings' own argument
    except ValidationError as error:
        lines = [_plain(kind, detail["loc"], detail["msg"]) for detail in error.errors()]
        raise SettingsError("; ".join(lines)) from error
    except UnicodeDecodeError as error:
        raise SettingsError(".env is not UTF-8 text: save it as UTF-8, or remove what is not text") from error


def misspelt(kinds: Collection[type[BaseSettings]]) -> list[str]:
    """A line for each variable of the environment and `.env` that is no setting, but nearly the name of one."""
    known = {variable_name(kind, field) for kind in kinds for field in kind.model_fields}
    given = sorted({name.upper() for name in (*os.environ, *dotenv_values(".env"))} - known)
    ours = [name for name in given if name.startswith(_PREFIXES)]
    nearest = {name: get_close_matches(name, known, n=1, cutoff=_NEARLY) for name in ours}
    return [f"{name} is no setting of Tandem: {near[0]}, perhaps?" for name, near in nearest.items() if near]


def variable_name(kind: type[BaseSettings], field: str) -> str:
    """The environment variable that sets a field."""
    alias = kind.model_fields[field].validation_alias if field in kind.model_fields else None
    return alias if isinstance(alias, str) else f"{kind.model_config.get('env_prefix', '')}{field}".upper()


def _plain(kind: type[BaseSettings], place: tuple[int | str, ...], message: str) -> str:
    said = message.removeprefix("Value error, ")
    return f"{variable_name(kind, str(place[0]))}: {said[:1].lower()}{said[1:]}" if place else said
