"""Documents taken out, taken back and read again: `/ingest remove`, `undo` and `refresh`."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bot.channel_histories import ChannelHistories
from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.document_reading import LOST, handed_over_again, outcomes_of
from bot.downloads import NoLongerThere, NotDownloaded
from bot.failures import NOT_DONE, note
from bot.ingest_report import line_of
from bot.ingesting import place_of, tell_privately
from bot.ingests import Ingests
from bot.membership import access
from bot.orphans import Place
from bot.quarantine import Quarantine
from bot.rendering import SECTION_CHARS, Page, escape, pages, section, short_title_of, split_text
from bot.slack_documents import SlackDocuments
from bot.stream import Outlet, Reply
from bot.thread_upkeep import ThreadUpkeep
from knowledge.audience import Audience
from knowledge.documents import Entry, IngestResult, failed
from knowledge.library import Library
from knowledge.register import KnownPlace

ALL = "all"
_NOT_THERE = (
    "I could not write in <#{channel}>, so what you asked there was not done, or not all of it. "
    "Please invite me to it, and ask again."
)
_NOTHING_LEFT = "There is nothing of yours here that could be taken back."
_ADDED_NOTHING = "What you handed over here last added nothing that is still there, so there was nothing to take out."
_TAKEN_BACK = "What was added last was taken back."
_UNDER_WAY = "What you handed over here last is still being read. Please wait until it is done, and ask again."
_NOBODY = "Nothing can be read here, so there is nothing to read again."
# Slack takes an update of a message about once a second.
_SHOW_EVERY_S = 2.0
_LISTED = 50
_REFERENCE_CHARS = 200


class Upkeep:
    def __init__(
        self,
        *,
        library: Library,
        outlet: Outlet,
        in_slack: SlackDocuments,
        directory: Directory,
        ingests: Ingests,
        histories: ChannelHistories,
        threads: ThreadUpkeep,
        quarantine: Quarantine,
        queue: DocumentQueue,
    ) -> None:
        self._library = library
        self._outlet = outlet
        self._in_slack = in_slack
        self._directory = directory
        self._ingests = ingests
        self._histories = histories
        self._threads = threads
        self._quarantine = quarantine
        self._queue = queue

    async def do(self, work_id: str, kind: str, payload: Mapping[str, Any]) -> None:
        """Do it and say what came of it. Done again after a crash, it finishes what was begun.

        Raises IndexUnavailable and CatalogueUnavailable.
        """
        place = place_of(payload)
        reply = await self._reply(place, work_id)
        granted = await access(self._directory, channel=place.channel, user=place.user)
        if granted.refusal:
            await reply.replace(note(f":warning: {granted.refusal}"))
            return
        reference = str(payload.get("reference", ""))
        match kind:
            case "remove":
                said = note(await self._remove(reference, place.user, granted.audience))
            case "undo":
                said = await self._undo(work_id, place, granted.audience)
            case _:
                said = await self._try_again(work_id, reference, place, granted.audience) or await self._refresh(
                    work_id, reference, place.channel, granted.audience, reply
                )
        await reply.replace(said)

    async def own_up(self, work_id: str, payload: Mapping[str, Any]) -> None:
        await (await self._reply(place_of(payload), work_id)).replace(note(NOT_DONE))

    async def own_up_privately(self, work_id: str, payload: Mapping[str, Any]) -> None:
        place = place_of(payload)
        await tell_privately(self._outlet, place, work_id, _NOT_THERE.format(channel=place.channel))

    async def _reply(self, place: Place, work_id: str) -> Reply:
        reply = self._outlet.reply(place, work_id, work_id)
        await reply.recover()
        return reply

    async def _remove(self, reference: str, user: str, audience: Audience) -> str:
        found = await self._library.find(reference, audience)
        if not found:
            return _unknown(reference)
        if len(found) > 1:
            numbers = ", ".join(f"*{entry.number}*" for entry in found)
            return f"Several documents have this link: {numbers}. Please name the one that you mean by its number."
        (entry,) = found
        if entry.origin.added_by != user and not (await self._directory.person(user)).is_admin:
            who = f"<@{entry.origin.added_by}>, who added it, and" if entry.origin.added_by else "Only"
            return f"{who} administrators of this workspace may take {_named(entry)} out."
        await self._take_out(entry)
        return f":wastebasket: <@{user}> took {_named(entry)} out. I no longer answer from it."

    async def _undo(self, work_id: str, place: Place, audience: Audience) -> list[Page]:
        last = await self._ingests.claim_undo(work_id, channel=place.channel, person=place.user)
        if last is None:
            return note(_NOTHING_LEFT)
        if last.is_under_way:
            return note(_UNDER_WAY)
        # A channel that is followed would bring them back, thread by thread.
        await self._histories.stop_ingest(last.id, f"{time.time():.6f}")
        found = await self._library.of_ingest(last.id, audience)
        theirs = [entry for entry in found if entry.origin.added_by == place.user]
        for entry in theirs:
            await self._take_out(entry)
        if not theirs:
            return note(_ADDED_NOTHING)
        head = f":wastebasket: <@{place.user}> took back what was added last. I no longer answer from it."
        left_out = len(theirs) - _LISTED
        more = [f"… and {left_out} more"] if left_out > 0 else []
        return _lines(_TAKEN_BACK, [head, *(f"• {_named(entry)}" for entry in theirs[:_LISTED]), *more])

    async def _take_out(self, entry: Entry) -> None:
        await self._library.remove(entry.id)
        await self._ingests.forget({entry.uri})
        await self._quarantine.release({entry.origin.place, entry.uri}, entry.scope)

    async def _try_again(self, work_id: str, reference: str, place: Place, audience: Audience) -> list[Page] | None:
        """Have what is set aside under this name tried again, as if it were handed over now; None where nothing is."""
        aside = await self._quarantine.named(reference, audience, ingest_id=work_id)
        again = [handed_over_again(each, ingest_id=work_id, channel=place.channel, user=place.user) for each in aside]
        if not again:
            return None
        results: list[IngestResult] = []
        async for each, outcome in outcomes_of(self._queue, again):
            lost = [failed(each.name, each.title, LOST)]
            results.extend(outcome.results if outcome is not None and outcome.scope else lost)
        return await self._outcome(work_id, place.channel, results)

    async def _refresh(
        self, work_id: str, reference: str, channel: str, audience: Audience, reply: Reply
    ) -> list[Page]:
        is_all = reference.lower() == ALL
        places = [] if is_all else await self._library.places(reference, audience)
        if places:
            return await self._refresh_places(work_id, channel, places, reply)
        found = await (self._library.documents(audience) if is_all else self._library.find(reference, audience))
        if not found:
            return note(_NOBODY if is_all else _unknown(reference))
        results: list[IngestResult] = []
        show = _Progress(reply)
        for entry in found:
            await show(f"Reading again: {len(results)} of {len(found)} documents…")
            reason = await self._quarantine.reason(entry.origin.place or entry.uri, entry.scope) if is_all else ""
            # Who says all does not mean what was set aside.
            again = (
                failed(entry.uri, entry.title, reason) if reason else await self.read_again(entry, at_once=not is_all)
            )
            results.append(again)
        return await self._outcome(work_id, channel, results)

    async def _refresh_places(
        self, work_id: str, channel: str, places: Sequence[KnownPlace], reply: Reply
    ) -> list[Page]:
        results: list[IngestResult] = []
        show = _Progress(reply)
        for place in places:
            async for result in self._library.refresh_place(place):
                results.append(result)
                await show(f"Reading again: {len(results)} documents so far…")
        return await self._outcome(work_id, channel, results)

    async def _outcome(self, work_id: str, channel: str, results: Sequence[IngestResult]) -> list[Page]:
        await self._ingests.results(work_id, channel, results)
        head, *changed = _read_again_lines(results)
        return _lines(head, [head, *changed])

    async def read_again(self, entry: Entry, *, at_once: bool) -> IngestResult:
        """Who names a document means it: that it is gone counts at once."""
        try:
            thread = await self._threads.read_again(entry)
            if thread is not None:
                return thread
            upload = await self._in_slack.again(entry.origin.place)
        except NoLongerThere as error:
            return await self._library.missed(entry, str(error).rstrip("."), at_once=at_once)
        except NotDownloaded as error:
            return failed(entry.uri, entry.title, error)
        if upload is None:
            return await self._library.refresh(entry, at_once=at_once)
        return await self._library.refresh(entry, upload.data, name=upload.name, at_once=at_once)


class _Progress:
    """Shows how far it is, as often as Slack takes an update of a message."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._shown_at = 0.0

    async def __call__(self, sentence: str) -> None:
        if time.monotonic() - self._shown_at >= _SHOW_EVERY_S:
            await self._reply.replace(note(sentence))
            self._shown_at = time.monotonic()


def _unknown(reference: str) -> str:
    named = escape(reference[:_REFERENCE_CHARS])
    return f"There is no document “{named}” that can be read here. `/ingest list` shows those there are."


def _named(entry: Entry) -> str:
    return f"*{entry.number}* {short_title_of(entry.title, entry.uri)}"


def _read_again_lines(results: Sequence[IngestResult]) -> list[str]:
    counts = Counter(result.status for result in results)
    kept = counts["failed"]
    told = [f"{counts['unchanged']} unchanged", f"{counts['updated'] + counts['added']} updated"]
    if counts["removed"]:
        told.append(f"{counts['removed']} taken out")
    if kept:
        told.append(f"{kept} could not be read, and {'stays' if kept == 1 else 'stay'} as before")
    changed = [result for result in results if result.status != "unchanged" or result.error]
    left_out = len(changed) - _LISTED
    more = [f"… and {left_out} more"] if left_out > 0 else []
    return [f"Read again: {', '.join(told)}.", *map(line_of, changed[:_LISTED]), *more]


def _lines(notice: str, lines: Sequence[str]) -> list[Page]:
    pieces = split_text("\n".join(lines), SECTION_CHARS - 100)
    return pages([section(piece) for piece in pieces], text=notice)
