"""Stored work, by kind, done again until it is done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from typing import Any

from bot.answering import Answering
from bot.channel_reading import ChannelDesk
from bot.deliveries import Asked, Deliveries
from bot.document_reading import DocumentReader
from bot.errors import SlackRefused
from bot.failures import FILES_ONLY, GAVE_UP, INTERNAL, Declined
from bot.feedback import FeedbackDesk
from bot.ingest_form import is_ingest_comment, may_ask_to_ingest, read_choice, read_comment
from bot.ingesting import IngestDesk
from bot.overrides import OverrideDesk
from bot.payloads import Json, objects, optional, required
from bot.releasing import ReleaseDesk
from bot.slack import Slack
from bot.upkeep import Upkeep
from bot.waiting import passes
from knowledge.errors import IndexUnavailable

log = logging.getLogger("tandem.work")

_WAITS_S = (1, 2, 5, 10, 30, 60)


class Work:
    """What DBOS runs: every kind may be started again at any point."""

    def __init__(
        self,
        *,
        answering: Answering,
        feedback: FeedbackDesk,
        overrides: OverrideDesk,
        ingest: IngestDesk,
        documents: DocumentReader,
        upkeep: Upkeep,
        channels: ChannelDesk,
        releasing: ReleaseDesk,
        deliveries: Deliveries,
        slack: Slack,
        waits_s: tuple[float, ...] = _WAITS_S,
    ) -> None:
        self._answering = answering
        self._feedback = feedback
        self._overrides = overrides
        self._ingest = ingest
        self._documents = documents
        self._upkeep = upkeep
        self._channels = channels
        self._releasing = releasing
        self._deliveries = deliveries
        self._slack = slack
        self._waits_s = waits_s

    async def do(self, work_id: str, kind: str, payload: Json) -> Any:
        """The result is what is waited for: the kind of vote that was recorded, what came of a document, else None."""
        if kind == "gave_up":
            work_id, kind = required(payload, "given_up"), optional(payload, "kind")
            steps = [partial(self._own_up, GAVE_UP)]
        else:
            steps = [self._do, partial(self._own_up, INTERNAL)]
        for step in [*steps, self._let_go]:
            try:
                return await self._wait_out(work_id, partial(step, work_id, kind, payload))
            except SlackRefused as error:
                log.error("%s failed: %s", work_id, error)  # noqa: TRY400 — Slack's word says all
            except Exception:  # the edge of the process: what is not foreseen is said to the person, and logged
                log.exception("%s failed", work_id)
        return None

    async def _wait_out(self, work_id: str, step: Callable[[], Awaitable[Any]]) -> Any:
        """Take the step again until nothing that passes stands in its way."""
        waits_s = chain(self._waits_s, repeat(self._waits_s[-1]))
        while True:
            try:
                return await step()
            except Exception as error:
                if not passes(error):
                    raise
                # The index's sentence says what to look at; a driver's may hold the message.
                why = str(error) if isinstance(error, IndexUnavailable) else type(error).__name__
                log.warning("%s waits: %s", work_id, why)
            await asyncio.sleep(next(waits_s))

    async def _do(self, work_id: str, kind: str, payload: Json) -> Any:
        match kind:
            case "question" | "edit":
                await self._message(work_id, payload)
            case "delete":
                await self._answering.withdraw(_asked(payload, work_id))
            case "retry":
                await self._ask_again(payload)
            case "vote" | "correction" | "override":
                return await self._judged(work_id, kind, payload)
            case "ingest" | "share":
                await self._ingest.take_in(work_id, _with_choice(payload) if kind == "share" else payload)
            case "document":
                return await self._documents.read(work_id, payload)
            case "remove" | "undo" | "refresh" | "release":
                await self._changed(work_id, kind, payload)
            case "history" | "thread" | "leave" | "catch_up" | "file_gone":
                await self._channels.do(work_id, kind, payload)
            case _:
                log.error("work of the unknown kind %s was left out", kind)
        return None

    async def _judged(self, work_id: str, kind: str, payload: Json) -> Any:
        match kind:
            case "vote":
                return await self._feedback.vote(work_id, payload)
            case "correction":
                await self._feedback.correct(work_id, payload)
            case _:
                await self._overrides.take(work_id, payload)
        return None

    async def _changed(self, work_id: str, kind: str, payload: Json) -> None:
        if kind == "release":
            await self._releasing.take(work_id, payload)
        else:
            await self._upkeep.do(work_id, kind, payload)

    async def _message(self, work_id: str, payload: Json) -> None:
        handed_over = await self._handed_over(payload)
        if handed_over is not None:
            await self._ingest.take_in(work_id, handed_over)
        elif payload["files"] and not optional(payload, "text").strip():
            await self._answering.decline(_asked(payload, work_id), Declined(FILES_ONLY))
        else:
            await self._answering.answer(_asked(payload, work_id))

    async def _handed_over(self, payload: Json) -> Json | None:
        """What a comment wants taken in; None for a message that asks something else."""
        text = optional(payload, "text")
        if not may_ask_to_ingest(text):
            return None
        files = payload["files"] or await self._files_of(payload)
        if not is_ingest_comment(text, has_files=bool(files)):
            return None
        place = {"thread_ts": payload["thread_ts"], "after_ts": payload["ts"]}
        return {**payload, **place, **read_comment(text), "files": files}

    async def _files_of(self, payload: Mapping[str, Any]) -> list[str]:
        """A mention comes without its files: they are read from the message."""
        ts = required(payload, "ts")
        try:
            page = await self._slack.read(
                "conversations.replies",
                channel=required(payload, "channel"),
                ts=required(payload, "thread_ts"),
                oldest=ts,
                latest=ts,
                inclusive=True,
            )
        except SlackRefused:
            return []  # it was deleted, or the bot is not in the channel, which is found out where it is to write
        sent = [message for message in objects(page, "messages") if optional(message, "ts") == ts]
        return [required(file, "id") for message in sent for file in objects(message, "files")]

    async def _ask_again(self, payload: Json) -> None:
        again = await self._asked_again(payload)
        if again is not None:
            await self._answering.answer(again)

    async def _asked_again(self, payload: Json) -> Asked | None:
        """The question under whose apology the button was pressed; None where it is answered by now."""
        key, exchange_id = optional(payload, "value"), _retry_id(payload)
        found = await self._deliveries.find(key)
        if found is not None and found.state == "open" and found.asked.exchange_id != exchange_id:
            # The apology is shown a moment before the failure is written down, and the button may be pressed in it.
            await self._answering.ended(found.asked)
            found = await self._deliveries.find(key)
        # Pressed twice: once is enough.
        if found is None or (found.state != "failed" and found.asked.exchange_id != exchange_id):
            return None
        return replace(found.asked, exchange_id=exchange_id, version=required(payload, "version"))

    async def _own_up(self, sentence: str, work_id: str, kind: str, payload: Json) -> None:
        """Say that the work failed, where its outcome would have been seen."""
        match kind:
            case "question" | "edit":
                handed_over = await self._handed_over(payload)
                if handed_over is None:
                    await self._answering.decline(_asked(payload, work_id), Declined(sentence, may_retry=True))
                else:
                    await self._ingest.own_up(work_id, handed_over)
            case "retry":
                again = await self._asked_again(payload)
                if again is not None:
                    await self._answering.decline(again, Declined(sentence, may_retry=True))
            case "ingest" | "share":
                await self._ingest.own_up(work_id, payload)
            case "remove" | "undo" | "refresh":
                await self._upkeep.own_up(work_id, payload)
            case "history" | "thread" | "leave" | "catch_up":
                await self._channels.own_up(work_id, kind, payload)
            case "release":
                await self._releasing.own_up(work_id, payload)
            case _:
                await self._own_up_to_judge(kind, payload)

    async def _own_up_to_judge(self, kind: str, payload: Json) -> None:
        """A deletion shows nothing, and of a document its ingest tells."""
        if kind in ("vote", "correction"):
            await self._feedback.own_up(payload)
        elif kind == "override":
            await self._overrides.own_up(payload)

    async def _let_go(self, work_id: str, kind: str, payload: Json) -> None:
        """The failure could not be said where it belongs: say it elsewhere, or at least let nothing wait for this work."""
        match kind:
            case "question" | "edit":
                handed_over = await self._handed_over(payload)
                if handed_over is not None:
                    await self._ingest.own_up_privately(work_id, handed_over)
            case "ingest" | "share":
                await self._ingest.own_up_privately(work_id, payload)
            case "remove" | "undo" | "refresh":
                await self._upkeep.own_up_privately(work_id, payload)
            case "history":
                await self._channels.own_up_privately(work_id, payload)
            case "retry":
                await self._deliveries.settle(_retry_id(payload), optional(payload, "value"), "failed")
            case _:
                return


def _with_choice(payload: Json) -> Json:
    return {**payload, **read_choice(optional(payload, "value")), "everyone": True}


def _retry_id(payload: Json) -> str:
    """The exchange of a question asked again: its id continues the question's, as that of an edit does."""
    return f"{optional(payload, 'value')}:retry:{required(payload, 'version')}"


def _asked(payload: Json, work_id: str) -> Asked:
    return Asked(
        key=required(payload, "key"),
        exchange_id=work_id,
        team=required(payload, "team"),
        channel=required(payload, "channel"),
        ts=required(payload, "ts"),
        thread_ts=optional(payload, "thread_ts"),
        user=optional(payload, "user"),
        text=optional(payload, "text"),
        version=optional(payload, "version"),
    )
