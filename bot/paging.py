"""What Slack lists, page after page."""

from collections.abc import AsyncGenerator

from bot.payloads import Json, inner, optional
from bot.slack import Slack

# Slack allows more a page, and advises against it.
_PAGE = 200


async def pages(slack: Slack, method: str, **arguments: str | bool) -> AsyncGenerator[Json]:
    """All pages of a listing, each asked for when it is wanted. Raises what `read` raises."""
    cursor = ""
    while True:
        page = await slack.read(method, **arguments, limit=_PAGE, cursor=cursor)
        yield page
        cursor = optional(inner(page, "response_metadata"), "next_cursor")
        if not cursor:
            return
