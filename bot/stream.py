"""One answer's messages in its thread: streamed where Slack can, posted and updated where not, never twice.

What is visible is claimed in SQL message by message. A process may die between Slack's showing a message and the claim's
being written; then the message is found again in the thread: by the work's id in its metadata, or, since a stream takes no
metadata when it starts, as the bot's own message after the question that nobody has claimed.
"""

import contextlib
import logging
import time

from bot.deliveries import Deliveries
from bot.errors import SlackAmbiguous, SlackBusy, SlackError, SlackRefused
from bot.failpoints import Failpoints
from bot.orphans import Place, metadata, orphans
from bot.pacer import Pacer
from bot.payloads import Json, optional
from bot.rendering import MARKDOWN_CHARS, Page, defuse, escape, markdown, split_text
from bot.slack import Slack

log = logging.getLogger("tandem.stream")

# Slack takes about a hundred appends a minute, and fifty updates.
_APPEND_INTERVAL_S = 0.6
_UPDATE_INTERVAL_S = 1.2
# A stream's message holds what a message may hold; room is left for what is escaped.
_STREAM_CHARS = MARKDOWN_CHARS - 1_000


class Outlet:
    """What all answers share on their way out."""

    def __init__(
        self, *, slack: Slack, deliveries: Deliveries, pacer: Pacer, bot_user: str, failpoints: Failpoints
    ) -> None:
        self.slack = slack
        self.deliveries = deliveries
        self.pacer = pacer
        self.bot_user = bot_user
        self.failpoints = failpoints
        self.streams = True
        """False once the server said that it does not know streaming."""

    def reply(self, place: Place, owner: str, work_id: str) -> "Reply":
        return Reply(self, place, owner, work_id)


class Reply:
    """One answer. `append` shows text as it comes; `finish` gives the whole its final form."""

    def __init__(self, outlet: Outlet, place: Place, owner: str, work_id: str) -> None:
        self._outlet = outlet
        self._slack = outlet.slack
        self._place = place
        self._owner = owner
        self._work_id = work_id
        self._messages: list[str] = []
        self._live = False  # the last message is a stream that this process opened
        self._shown = ""  # what this process has put into the last message
        self._pending = ""
        self._last_sent = 0.0

    async def recover(self) -> None:
        """Find what an earlier attempt has shown; after this, text is written over it instead of beside it."""
        self._messages = await self._outlet.deliveries.messages(self._owner)
        if not self._messages:
            await self._adopt_orphan()
        for ts in self._messages:
            with contextlib.suppress(SlackError):  # most often: it is no longer streaming
                await self._slack.write("chat.stopStream", channel=self._place.channel, ts=ts)

    async def append(self, text: str) -> None:
        """Show more text, at once if Slack's pace allows it, else together with what follows."""
        self._pending += defuse(text)
        if not self._messages:
            await self._open()
        elif self._live and time.monotonic() - self._last_sent >= _APPEND_INTERVAL_S:
            await self._append_pending()
        elif not self._live and time.monotonic() - self._last_sent >= _UPDATE_INTERVAL_S:
            await self._update_pending()

    async def finish(self, tail: list[Json], whole: list[Page]) -> None:
        """End with `tail` under the streamed text; where there is no stream, show `whole` instead."""
        if not (self._live and await self._stop(tail)):
            await self._write_over(whole)

    async def replace(self, whole: list[Page]) -> None:
        """Show `whole` instead of whatever was shown so far."""
        if self._live:
            with contextlib.suppress(SlackError):
                await self._slack.write("chat.stopStream", channel=self._place.channel, ts=self._messages[-1])
            self._live = False
        await self._write_over(whole)

    async def withdraw(self) -> None:
        """Take back everything that was shown."""
        for ts in await self._outlet.deliveries.messages(self._owner):
            await self._delete(ts)
        self._messages = []

    async def _open(self) -> None:
        text, self._pending = self._pending, ""
        first, *rest = split_text(text, _STREAM_CHARS)
        if self._outlet.streams:
            await self._start_stream(first)
        if not self._live and not self._messages:
            await self._post(Page(text=escape(first)[:3_000], blocks=[markdown(first)]), part=len(self._messages))
        self._shown = first
        self._pending = "".join(rest)
        self._last_sent = time.monotonic()

    async def _start_stream(self, text: str) -> None:
        place = self._place
        try:
            async with self._outlet.pacer.turn(place.channel):
                started = await self._slack.write(
                    "chat.startStream",
                    channel=place.channel,
                    thread_ts=place.thread_ts,
                    markdown_text=text,
                    recipient_team_id=place.team,
                    recipient_user_id=place.user,
                )
        except SlackRefused as error:
            # Whatever the reason (an older server, a kind of channel, a missing right), a posted message may still do.
            log.info("streaming was refused (%s): the answer is posted instead", error.code)
            self._outlet.streams = self._outlet.streams and error.code not in {"unknown_method", "method_deprecated"}
            return
        except SlackBusy:
            return  # a post has its own limit
        except SlackAmbiguous:
            self._live = await self._adopt_orphan()
            return
        self._outlet.failpoints.reached("before_stream_recorded")
        self._live = await self._claim(optional(started, "ts"))

    async def _append_pending(self) -> None:
        if len(self._shown) + len(self._pending) > _STREAM_CHARS:
            return  # the rest is shown at the end, in a message of its own
        text, self._pending = self._pending, ""
        try:
            await self._slack.write(
                "chat.appendStream", channel=self._place.channel, ts=self._messages[-1], markdown_text=text
            )
        except SlackBusy:
            self._pending = text + self._pending
            self._last_sent = time.monotonic()
            return
        except SlackError as error:
            log.info("a stream broke (%s): its message is updated instead", error)
            self._live = False
        self._shown += text
        self._last_sent = time.monotonic()
        self._outlet.failpoints.reached("mid_stream")

    async def _update_pending(self) -> None:
        text = self._shown + self._pending
        if len(text) > _STREAM_CHARS:
            return
        self._shown, self._pending = text, ""
        await self._update(self._messages[-1], Page(text=escape(text)[:3_000], blocks=[markdown(text)]))
        self._last_sent = time.monotonic()
        self._outlet.failpoints.reached("mid_stream")

    async def _stop(self, tail: list[Json]) -> bool:
        """End the stream; False where it could not be, or where its message would not hold what is left."""
        if len(self._shown) + len(self._pending) > _STREAM_CHARS:
            with contextlib.suppress(SlackError):
                await self._slack.write("chat.stopStream", channel=self._place.channel, ts=self._messages[-1])
            return False
        try:
            await self._slack.write(
                "chat.stopStream",
                channel=self._place.channel,
                ts=self._messages[-1],
                markdown_text=self._pending or None,
                blocks=tail,
                metadata=metadata(self._work_id),
            )
        except SlackError as error:
            log.info("a stream did not end (%s): its message is updated instead", error)
            return False
        self._outlet.failpoints.reached("after_stream_end")
        return True

    async def _write_over(self, whole: list[Page]) -> None:
        """Make the messages be exactly these pages: update those that stand, post what is missing, delete what is left."""
        for part, page in enumerate(whole):
            if part < len(self._messages):
                await self._update(self._messages[part], page)
            else:
                await self._post(page, part=part)
        for ts in self._messages[len(whole) :]:
            await self._delete(ts)
        self._messages = self._messages[: len(whole)]
        self._outlet.failpoints.reached("after_stream_end")

    async def _update(self, ts: str, page: Page, *, is_ended: bool = False) -> None:
        try:
            await self._slack.write(
                "chat.update",
                channel=self._place.channel,
                ts=ts,
                text=page.text,
                blocks=page.blocks,
                metadata=metadata(self._work_id),
            )
        except SlackRefused as error:
            await self._update_otherwise(ts, page, error, is_ended=is_ended)

    async def _update_otherwise(self, ts: str, page: Page, refused: SlackRefused, *, is_ended: bool) -> None:
        match refused.code:
            case "streaming_state_conflict" if not is_ended:  # the end of its stream did not get through
                await self._slack.write("chat.stopStream", channel=self._place.channel, ts=ts)
                await self._update(ts, page, is_ended=True)
            case "message_not_found" | "cant_update_message":  # somebody deleted it: the answer is still owed
                await self._outlet.deliveries.disown(self._place.channel, ts)
                part = self._messages.index(ts)
                self._messages.remove(ts)
                await self._post(page, part=part)
            case _:
                raise refused

    async def _post(self, page: Page, *, part: int) -> None:
        for attempt in (1, 2):
            try:
                async with self._outlet.pacer.turn(self._place.channel):
                    posted = await self._slack.write(
                        "chat.postMessage",
                        channel=self._place.channel,
                        thread_ts=self._place.thread_ts or None,
                        text=page.text,
                        blocks=page.blocks,
                        metadata=metadata(self._work_id),
                        unfurl_links=False,
                        unfurl_media=False,
                    )
            except SlackAmbiguous:
                if await self._adopt_orphan(part=part):
                    return
                if attempt == 2:  # noqa: PLR2004 — looked for twice: it is not there, and Slack does not take it
                    raise
            else:
                await self._claim(optional(posted, "ts"), part=part)
                return

    async def _delete(self, ts: str) -> None:
        try:
            await self._slack.write("chat.delete", channel=self._place.channel, ts=ts)
        except SlackRefused as error:
            if error.code != "message_not_found":
                raise
        await self._outlet.deliveries.disown(self._place.channel, ts)

    async def _claim(self, ts: str, *, part: int | None = None) -> bool:
        place = len(self._messages) if part is None else part
        owned = bool(ts) and await self._outlet.deliveries.own(self._owner, self._place.channel, ts, place)
        if owned:
            self._messages.insert(place, ts)
        return owned

    async def _adopt_orphan(self, *, part: int = 0) -> bool:
        """Claim a message of ours that an earlier attempt posted and did not live to claim."""
        for ts in await orphans(self._slack, self._place, bot_user=self._outlet.bot_user, work_id=self._work_id):
            if await self._claim(ts, part=part):
                return True
        return False
