"""A Slack that answers from a table of replies, for the parts that only read."""

from collections.abc import Callable
from typing import Any

from bot.errors import SlackRefused

Reply = dict[str, Any] | Exception | Callable[..., dict[str, Any]]


class FakeSlack:
    """`replies` by method; `calls` is what was asked."""

    def __init__(self, **replies: Reply) -> None:
        self.replies = {name.replace("__", "."): reply for name, reply in replies.items()}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def read(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(method, arguments)

    async def write(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(method, arguments)

    def _answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((method, arguments))
        reply = self.replies.get(method, SlackRefused(method, "unknown_method"))
        if isinstance(reply, Exception):
            raise reply
        return reply(**arguments) if callable(reply) else reply


def person(**marks: Any) -> dict[str, Any]:
    return {
        "user": {"id": "U1", "team_id": "T1", "real_name": "Ada Okafor", "profile": {"display_name": "ada"}, **marks}
    }


def channel(kind: str = "public", **marks: Any) -> dict[str, Any]:
    kinds = {
        "public": {"id": "C1", "is_channel": True, "is_private": False},
        "private": {"id": "C1", "is_channel": True, "is_private": True},
        "group": {"id": "G1", "is_mpim": True, "is_private": True},
        "direct": {"id": "D1", "is_im": True},
    }
    return {"channel": {"name": "general", **kinds[kind], **marks}}
