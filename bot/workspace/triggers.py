"""Trigger ids: the right to open one form, for three seconds after a person's click or command."""

import secrets
import time
from dataclasses import dataclass

from bot.workspace.errors import SlackError


@dataclass(slots=True, kw_only=True)
class _Trigger:
    user: str
    view: str | None
    born: float
    used: bool = False


class Triggers:
    """Kept in memory: none of them outlives a restart anyway."""

    def __init__(self, *, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._triggers: dict[str, _Trigger] = {}

    def give(self, user: str, *, view: str | None = None) -> str:
        """`view` is the form that was open where the person clicked: what views.push stacks on."""
        now = time.monotonic()
        # Old ones are remembered for a minute, to tell expired from invalid.
        self._triggers = {name: kept for name, kept in self._triggers.items() if now - kept.born < 60}  # noqa: PLR2004
        name = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[name] = _Trigger(user=user, view=view, born=now)
        return name

    def exchange(self, name: str) -> tuple[str, str | None]:
        """Return the person, and the form the click was in. Raises SlackError."""
        trigger = self._triggers.get(name)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if time.monotonic() - trigger.born > self._lifetime_s:
            raise SlackError("expired_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        trigger.used = True
        return trigger.user, trigger.view
