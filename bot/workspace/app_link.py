"""How the workspace reaches the app: over Socket Mode or over HTTP."""

from dataclasses import dataclass
from typing import Protocol

from bot.workspace.json_values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one sending. `body` is what the app answered with its acknowledgement."""

    acknowledged: bool
    reason: str = ""
    retry: bool = True
    connected: bool = True
    body: Json | None = None


class AppLink(Protocol):
    async def send(self, kind: str, payload: Json, *, attempt: int = 0, reason: str = "") -> Outcome:
        """Send `payload` of envelope type `kind` (events_api, slash_commands, interactive) and await its ack."""
        ...

    async def close(self) -> None: ...
