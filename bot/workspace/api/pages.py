"""Cursors, limits and time windows of what is listed."""

import base64
import re
from typing import Any, TypeVar

from bot.workspace.calls import Call
from bot.workspace.errors import SlackError

_Item = TypeVar("_Item")
_TS = re.compile(r"\d{1,12}(\.\d{1,6})?")


def cut_page(call: Call, items: list[_Item], *, most: int, default: int) -> tuple[list[_Item], str]:
    """Return the page asked for, and the cursor of the next one, empty at the end."""
    limit = min(call.number("limit", default=default) or default, most)
    start = _offset(call.text("cursor"))
    end = start + limit
    return items[start:end], _cursor(end) if end < len(items) else ""


def message_window(call: Call) -> tuple[str, list[Any]]:
    """Return the SQL condition for `oldest`, `latest` and `inclusive`, and its values."""
    inclusive = "=" if call.flag("inclusive") else ""
    where, values = "", list[Any]()
    for name, sign in (("oldest", ">"), ("latest", "<")):
        ts = call.text(name)
        if not ts or (name == "oldest" and ts == "0"):
            continue
        if not _TS.fullmatch(ts):
            raise SlackError(f"invalid_ts_{name}")
        where += f" AND ts {sign}{inclusive} ?"
        values.append(_padded(ts))
    return where, values


def _padded(ts: str) -> str:
    seconds, _, fraction = ts.partition(".")
    return f"{int(seconds):010d}.{fraction:<06}".replace(" ", "0")


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"next:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        mark, _, offset = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except ValueError as error:
        raise SlackError("invalid_cursor") from error
    if mark != "next" or not offset.isdecimal():
        raise SlackError("invalid_cursor")
    return int(offset)
