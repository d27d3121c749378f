"""A message as a person wrote it, turned into a question."""

import html
import re
from contextlib import aclosing
from itertools import chain

from bot.deliveries import Asked, Deliveries
from bot.directory import Directory
from bot.errors import SlackError
from bot.paging import pages
from bot.payloads import Json, objects, optional
from bot.slack import Slack
from knowledge.audience import Audience
from router.decisions import Route
from router.exchanges import Exchange
from router.journal import Journal
from router.questions import Turn

_TURNS = 6
_TURN_CHARS = 1_000
# About two thousand messages: a longer thread is not read to its end while somebody waits for an answer.
_PAGES_READ = 10
_NAMED = 20
_REFERENCE = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_SPACES = re.compile(r"[ \t]{2,}")


async def plain_text(text: str, *, bot_user: str, directory: Directory) -> str:
    """Slack's text as it reads on the screen: the bot's own mention gone, references named, entities decoded."""
    names: dict[str, str] = {}
    named = ""
    end = 0
    for found in _REFERENCE.finditer(text):
        if found[0] not in names:
            # Each may be a call to Slack, whose pace all share: a message of thousands of them names a few.
            asks = directory if len(names) < _NAMED else None
            names[found[0]] = await _name(found, bot_user=bot_user, directory=asks)
        named += text[end : found.start()] + names[found[0]]
        end = found.end()
    # Decoded last: `&lt;@U1&gt;` was typed as text and is no reference.
    return _SPACES.sub(" ", html.unescape(named + text[end:])).strip()


async def _name(found: re.Match[str], *, bot_user: str, directory: Directory | None) -> str:
    kind, target, label = found.group(1), found.group(2), found.group(3)
    match kind:
        case "@" if target == bot_user:
            return ""
        case "@":
            return f"@{label or await _person(target, directory)}"
        case "#":
            return f"#{label or await _channel(target, directory)}"
        case "!":
            return label or f"@{target.split('^')[0]}"
        case _:
            address = target.removeprefix("mailto:")
            return f"{label} ({address})" if label and label != address else address


async def _person(user: str, directory: Directory | None) -> str:
    if directory is None:
        return "someone"
    try:
        return (await directory.person(user)).name
    except SlackError:
        return "someone"


async def _channel(channel: str, directory: Directory | None) -> str:
    if directory is None:
        return "a channel"
    try:
        return (await directory.channel(channel)).name or "a channel"
    except SlackError:
        return "a channel"


class History:
    """What was said in a thread before a question: from our own records, else from Slack."""

    def __init__(
        self, *, journal: Journal, deliveries: Deliveries, slack: Slack, directory: Directory, bot_user: str
    ) -> None:
        self._journal = journal
        self._deliveries = deliveries
        self._slack = slack
        self._directory = directory
        self._bot_user = bot_user

    async def before(self, asked: Asked, audience: Audience) -> tuple[Turn, ...]:
        """The thread's last turns before the question, oldest first, as far as the audience may read them now."""
        if asked.thread_ts == asked.ts:
            return ()
        recorded = await self._recorded(asked, audience)
        return await self._from_slack(asked) if recorded is None else recorded

    async def _recorded(self, asked: Asked, audience: Audience) -> tuple[Turn, ...] | None:
        """None where we took no part so far. What may no longer be read stands in Slack's copy too, so that is not asked."""
        took_part = False
        turns: dict[str, tuple[Turn, Turn]] = {}  # an answer by another route takes the place of the first one
        for delivery in await self._deliveries.in_thread(asked.channel, asked.thread_ts):
            if delivery.asked.ts >= asked.ts or delivery.state != "answered":
                continue
            exchange = await self._journal.exchange(delivery.asked.exchange_id)
            took_part = took_part or exchange is not None
            if exchange is not None and _may_read(audience, exchange):
                answer = exchange.answer[:_TURN_CHARS]
                turns[delivery.asked.ts] = (
                    Turn(speaker="user", text=exchange.question[:_TURN_CHARS]),
                    Turn(speaker="assistant", text=answer, overheard=exchange.may_repeat_overheard),
                )
        return tuple(chain.from_iterable(turns.values()))[-_TURNS:] if took_part else None

    async def _from_slack(self, asked: Asked) -> tuple[Turn, ...]:
        try:
            last = await self._last_messages(asked)
        except SlackError:
            return ()  # an answer without the thread is better than none
        return tuple([await self._turn(each) for each in last])

    async def _last_messages(self, asked: Asked) -> list[Json]:
        """A thread is listed from its beginning: what was said last is on its last page. None where that is too far."""
        earlier: dict[str, Json] = {}
        pages_read = 0
        where = {"channel": asked.channel, "ts": asked.thread_ts, "latest": asked.ts}
        async with aclosing(pages(self._slack, "conversations.replies", **where)) as thread:
            async for page in thread:
                if pages_read == _PAGES_READ:
                    return []  # from the middle of a thread, they would be taken for what the question is about
                pages_read += 1
                # By their time, since the first message of the thread may stand on each page.
                earlier |= {optional(each, "ts"): each for each in objects(page, "messages")}
        return [earlier[ts] for ts in sorted(earlier) if ts < asked.ts][-_TURNS:]

    async def _turn(self, message: Json) -> Turn:
        text = await plain_text(optional(message, "text"), bot_user=self._bot_user, directory=self._directory)
        ours = optional(message, "user") == self._bot_user
        # Ours too: without its exchange, nobody knows from what it was written.
        return Turn(speaker="assistant" if ours else "user", text=text[:_TURN_CHARS], overheard=True)


def _may_read(audience: Audience, exchange: Exchange) -> bool:
    if exchange.decision.route is Route.ABSTAIN:
        # It names pages that came near, of any that could be read then.
        return exchange.scopes <= audience.scopes
    return all(audience.may_read(passage.scope) for passage in exchange.passages)
