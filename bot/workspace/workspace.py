"""The workspace as its methods see it."""

import asyncio
import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field

from bot.workspace.identity import Grant, Tokens
from bot.workspace.live import Live
from bot.workspace.manifest import Manifest
from bot.workspace.options import Options
from bot.workspace.pacing import Pacing
from bot.workspace.sample import Team
from bot.workspace.state import State
from bot.workspace.triggers import Triggers


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    options: Options
    manifest: Manifest
    state: State
    team: Team
    tokens: Tokens
    live: Live
    pacing: Pacing
    triggers: Triggers
    events_due: asyncio.Event
    tickets: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def address(self) -> str:
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"http://{host}:{self.options.port}"

    @contextlib.contextmanager
    def change(self) -> Generator[None]:
        """One transaction; pages and app hear of it once it is committed, and of nothing that is rolled back."""
        try:
            with self.state.transaction():
                yield
        except BaseException:
            self.live.discard()
            raise
        self.live.publish()
        self.events_due.set()

    def grant(self, token: str) -> Grant | None:
        return self.tokens.grant(token, bot=self.team.bot, bot_scopes=self.manifest.scopes)
