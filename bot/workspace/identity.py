"""Who is who: the team, the bot, and the tokens they are known by."""

import json
import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TOKENS_FILE = "tokens.json"


def new_id(letter: str) -> str:
    """Make an id as Slack's look: a letter for the kind of thing, then ten capitals and digits."""
    alphabet = string.ascii_uppercase + string.digits
    return letter + "".join(secrets.choice(alphabet) for _ in range(10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    user: str
    bot: str
    app: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token stands for; `user` is the bot's own for the app's tokens."""

    kind: Literal["bot", "user", "app"]
    user: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    bot: str
    app: str
    signing_secret: str
    verification: str
    users: dict[str, str]  # user id to token

    @classmethod
    def make(cls, user_ids: list[str]) -> "Tokens":
        return cls(
            bot=f"xoxb-{_digits()}-{secrets.token_urlsafe(24)}",
            app=f"xapp-1-{_digits()}-{secrets.token_hex(32)}",
            signing_secret=secrets.token_hex(16),
            verification=secrets.token_urlsafe(18),
            users={user: f"xoxp-{_digits()}-{secrets.token_hex(16)}" for user in user_ids},
        )

    @classmethod
    def read(cls, home: Path) -> "Tokens":
        kept = json.loads((home / TOKENS_FILE).read_text())
        return cls(
            bot=kept["bot_token"],
            app=kept["app_token"],
            signing_secret=kept["signing_secret"],
            verification=kept["verification_token"],
            users={user["id"]: user["token"] for user in kept["users"].values()},
        )

    def save(self, home: Path, *, team: str, names: dict[str, str]) -> None:
        kept = {
            "team_id": team,
            "bot_token": self.bot,
            "app_token": self.app,
            "signing_secret": self.signing_secret,
            "verification_token": self.verification,
            "users": {names[user]: {"id": user, "token": token} for user, token in self.users.items()},
        }
        # Born 0600: never readable by others, not even for a moment.
        descriptor = os.open(home / TOKENS_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(kept, file, indent=2)

    def grant(self, token: str, *, bot: Bot, bot_scopes: frozenset[str]) -> Grant | None:
        """Say whose token it is; a person may do all that the page offers."""
        if secrets.compare_digest(token.encode(), self.bot.encode()):
            return Grant(kind="bot", user=bot.user, scopes=bot_scopes)
        if secrets.compare_digest(token.encode(), self.app.encode()):
            return Grant(kind="app", user=bot.user, scopes=frozenset({"connections:write"}))
        for user, kept in self.users.items():
            if secrets.compare_digest(token.encode(), kept.encode()):
                return Grant(kind="user", user=user, scopes=frozenset({"*"}))
        return None


def _digits() -> str:
    return "".join(secrets.choice(string.digits) for _ in range(12))
