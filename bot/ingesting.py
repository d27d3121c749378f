"""Documents that people hand over in Slack, and who will be able to read them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.document_reading import LOST, DocumentKind, HandedOver, Outcome, outcomes_of, readers_at
from bot.downloads import NotDownloaded
from bot.failures import NOT_TAKEN_IN, note
from bot.ingest_form import HELP, URLS_AT_ONCE
from bot.ingest_report import Readers, ask_who, left_out_of, progress
from bot.ingests import Ingests
from bot.membership import access
from bot.orphans import Place
from bot.payloads import Json, inner, optional, required
from bot.slack_documents import Shared, SlackDocuments
from bot.stream import Outlet, Reply
from knowledge.documents import IngestResult, failed

_NOT_THERE = (
    "I could not write in <#{channel}>, so what you added there was not taken in, or not all of it. "
    "Please invite me to it, and add it again."
)

_NOTHING = "There is nothing in this message that I could add."
_CHANGED = "This conversation changed while I read. Please hand it over again."
_PAUSE_S = 1.0
_OURS = "This is an answer of mine, and adding it would have me learn from myself. Add what it is based on instead."


class IngestDesk:
    """`/ingest`, uploads and forms; results are shown in one message that is updated as documents come in."""

    def __init__(
        self,
        *,
        outlet: Outlet,
        in_slack: SlackDocuments,
        directory: Directory,
        ingests: Ingests,
        queue: DocumentQueue,
    ) -> None:
        self._outlet = outlet
        self._in_slack = in_slack
        self._directory = directory
        self._ingests = ingests
        self._queue = queue

    async def take_in(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Bring in addresses or files; say how to, where there are none. Run again, it changes nothing that is in already.

        Raises IndexUnavailable and CatalogueUnavailable: they are about no document, and their words are for operators.
        """
        place = place_of(payload)
        reply = await self._reply(work_id, place, payload)
        allowed = await access(self._directory, channel=place.channel, user=place.user)
        if allowed.refusal:
            await reply.replace(note(f":warning: {allowed.refusal}"))
            return
        try:
            documents, left_out = await self._documents(work_id, place, payload)
        except NotDownloaded as error:
            await reply.replace(note(str(error)))
            return
        if not documents:
            await reply.replace(note(_NOTHING if payload.get("shared") else HELP))
            return
        who = await self._readers(payload)
        if who.scope is None:
            await reply.replace(ask_who(payload, left_out))
            return
        await self._ingests.begin(work_id, channel=place.channel, person=place.user, documents=len(documents))
        live = _Live(reply=reply, documents=documents, left_out=left_out)
        refusal = await self._take_in_all(work_id, payload, live)
        await self._ingests.end(work_id)
        if refusal:
            await reply.replace(note(f":warning: {refusal}"))

    async def _take_in_all(self, work_id: str, payload: Mapping[str, Any], live: "_Live") -> str:
        """Wait until all are in for those who read here now; what stands in the way of that is returned.

        Documents look for themselves who may read them. Where the channel changed meanwhile, some were taken in for
        others: these are taken in once more.
        """
        place = place_of(payload)
        outcomes: dict[str, Outcome] = {}
        time = 0
        while True:
            allowed = await access(self._directory, channel=place.channel, user=place.user)
            who = await self._readers(payload)
            if allowed.refusal or who.scope is None:
                return allowed.refusal or _CHANGED
            scope = who.scope
            outcomes = {name: outcome for name, outcome in outcomes.items() if outcome.scope == scope}
            left = [each for each in live.documents if each.name not in outcomes]
            await live.show(outcomes, who)
            if not left:
                await self._ingests.results(work_id, place.channel, live.results(outcomes))
                return ""
            if time > 1:
                await asyncio.sleep(_PAUSE_S)  # it changes back and forth, or is known otherwise elsewhere
            async for each, found in outcomes_of(self._queue, left, time):
                lost = Outcome(scope=scope, results=[failed(each.name, each.title, LOST)])
                outcome = found or lost
                if outcome.scope == scope:
                    outcomes[each.name] = outcome
                    await self._ingests.progress(work_id, len(outcomes))
                if len(outcomes) < len(live.documents):
                    await live.show(outcomes, who)
            time += 1

    async def own_up(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Say that it failed, over the message that tells of its progress."""
        await self._ingests.end(work_id)
        reply = await self._reply(work_id, place_of(payload), payload)
        await reply.replace(note(NOT_TAKEN_IN))

    async def own_up_privately(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Tell the person in a direct message what could not be said at the place itself."""
        place = place_of(payload)
        await tell_privately(self._outlet, place, work_id, _NOT_THERE.format(channel=place.channel))

    async def _readers(self, payload: Mapping[str, Any]) -> Readers:
        channel = required(payload, "channel")
        return await readers_at(self._directory, channel, everyone=bool(payload.get("everyone")))

    async def _reply(self, work_id: str, place: Place, payload: Mapping[str, Any]) -> Reply:
        # The answer to “who may read it?” is written over that question.
        asked_in = optional(payload, "message_ts")
        owner = await self._outlet.deliveries.owned(place.channel, asked_in) if asked_in else None
        reply = self._outlet.reply(place, owner or work_id, work_id)
        await reply.recover()
        return reply

    async def _documents(self, work_id: str, place: Place, payload: Mapping[str, Any]) -> tuple[list[HandedOver], str]:
        """What is handed over, each once; and what is said of addresses that were too many.

        Raises NotDownloaded for a message that is no longer there, or is not to be added.
        """
        given = dict(payload)
        kinds: dict[str, DocumentKind] = {}
        if payload.get("shared"):
            shared = _shared(inner(payload, "shared"), required(payload, "channel"))
            found = await self._in_slack.contents(shared)
            if found.is_ours:
                raise NotDownloaded(_OURS)
            if found.has_text:
                kinds[shared.place] = "message"
            given |= {
                "urls": found.urls[:URLS_AT_ONCE],
                "left_out": len(found.urls[URLS_AT_ONCE:]),
                "files": found.files,
            }
        kinds |= dict.fromkeys(given.get("urls", []), "page")
        kinds |= dict.fromkeys(given.get("files", []), "file")
        # What a message brings along was said and shown to its readers: pressing the button makes it no one's upload.
        overheard = bool(payload.get("shared"))
        documents = [
            HandedOver(
                ingest_id=work_id,
                channel=place.channel,
                user=place.user,
                kind=kind,
                name=name,
                everyone=bool(payload.get("everyone")),
                overheard=overheard,
            )
            for name, kind in kinds.items()
        ]
        return documents, left_out_of(given)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    """The message that tells how far an ingest is; outcomes are by the documents' names."""

    reply: Reply
    documents: Sequence[HandedOver]
    left_out: str

    async def show(self, outcomes: Mapping[str, Outcome], who: Readers) -> None:
        left = len(self.documents) - len(outcomes)
        await self.reply.replace(progress(self.results(outcomes), who, left, self.left_out))

    def results(self, outcomes: Mapping[str, Outcome]) -> list[IngestResult]:
        """In the order in which the documents were handed over."""
        read = [outcomes[each.name] for each in self.documents if each.name in outcomes]
        return [result for outcome in read for result in outcome.results]


def _shared(given: Json, channel: str) -> Shared:
    return Shared(channel=channel, ts=required(given, "ts"), thread_ts=optional(given, "thread_ts"))


async def tell_privately(outlet: Outlet, place: Place, work_id: str, sentence: str) -> None:
    """Say it in a direct message, once."""
    opened = await outlet.slack.write("conversations.open", users=place.user)
    private = replace(place, channel=required(inner(opened, "channel"), "id"), thread_ts="", after_ts="")
    told = f"{work_id}:told"
    reply = outlet.reply(private, told, told)
    await reply.recover()
    await reply.replace(note(sentence))


def place_of(payload: Mapping[str, Any]) -> Place:
    return Place(
        team=required(payload, "team"),
        channel=required(payload, "channel"),
        thread_ts=optional(payload, "thread_ts"),
        after_ts=optional(payload, "after_ts"),
        user=required(payload, "user"),
    )
