"""Documents that people hand over in Slack, and who will be able to read them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from bot.directory import Directory
from bot.downloads import NotDownloaded, Upload
from bot.failures import NOT_TAKEN_IN, note
from bot.ingest_form import HELP, URLS_AT_ONCE
from bot.ingest_report import EVERYONE_MAY, Outcomes, ask_who, left_out_of, progress, readers
from bot.ingests import Ingests
from bot.membership import access
from bot.orphans import Place
from bot.payloads import Json, inner, optional, required
from bot.slack_documents import Shared, SlackDocuments, file_place
from bot.stream import Outlet, Reply
from knowledge.documents import IngestResult, Origin, failed
from knowledge.errors import InvalidScope, SourceError
from knowledge.library import Library

_NOT_THERE = (
    "I could not write in <#{channel}>, so what you added there was not taken in, or not all of it. "
    "Please invite me to it, and add it again."
)

_Read = Callable[[str, str, Origin], Awaitable[list[IngestResult]]]
_NOTHING = "There is nothing in this message that I could add."
_OURS = "This is an answer of mine, and adding it would have me learn from myself. Add what it is based on instead."


class IngestDesk:
    """`/ingest`, uploads and forms; results are shown in one message that is updated as documents come in."""

    def __init__(
        self, *, library: Library, outlet: Outlet, in_slack: SlackDocuments, directory: Directory, ingests: Ingests
    ) -> None:
        self._library = library
        self._outlet = outlet
        self._in_slack = in_slack
        self._directory = directory
        self._ingests = ingests
        # Of work that is not done: for which readers, and what came of each document so far. Without it, a further try
        # would fetch again what is in, and call “already there” what was said to be added.
        self._under_way: dict[str, tuple[str, Outcomes]] = {}

    async def take_in(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Bring in addresses or files; say how to, where there are none. Run again, it changes nothing that is in already.

        Raises IndexUnavailable and CatalogueUnavailable: they are about no document, and their words are for operators.
        """
        place = place_of(payload)
        reply = await self._reply(work_id, place, payload)
        allowed = await access(self._directory, channel=place.channel, user=place.user)
        if allowed.refusal:
            self._under_way.pop(work_id, None)
            await reply.replace(note(f":warning: {allowed.refusal}"))
            return
        try:
            documents, left_out = await self._documents(payload)
        except NotDownloaded as error:
            await reply.replace(note(str(error)))
            return
        if not documents:
            await reply.replace(note(_NOTHING if payload.get("shared") else HELP))
            return
        who = readers(await self._directory.channel(place.channel))
        if who.scope is None and payload.get("everyone"):
            who = EVERYONE_MAY
        if who.scope is None:
            await reply.replace(ask_who(payload, left_out))
            return
        outcomes = self._outcomes(work_id, who.scope)
        # What a message brings along was said and shown to its readers: pressing the button makes it no one's upload.
        overheard = bool(payload.get("shared"))
        origin = Origin(added_by=place.user, added_in=place.channel, ingest_id=work_id, overheard=overheard)
        await self._ingests.begin(work_id, channel=place.channel, person=place.user, documents=len(documents))
        await reply.replace(progress(outcomes, who, len(documents) - len(outcomes), left_out))
        for name in [name for name in documents if name not in outcomes]:
            outcomes[name] = await documents[name](name, who.scope, origin)
            await self._ingests.progress(work_id, len(outcomes))
            await reply.replace(progress(outcomes, who, len(documents) - len(outcomes), left_out))
        results = list(chain.from_iterable(outcomes.values()))
        await self._ingests.results(work_id, place.channel, results)
        await self._ingests.end(work_id)
        del self._under_way[work_id]

    async def own_up(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Say that it failed, over the message that tells of its progress."""
        self._under_way.pop(work_id, None)
        await self._ingests.end(work_id)
        reply = await self._reply(work_id, place_of(payload), payload)
        await reply.replace(note(NOT_TAKEN_IN))

    async def own_up_privately(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Tell the person in a direct message what could not be said at the place itself."""
        place = place_of(payload)
        await tell_privately(self._outlet, place, work_id, _NOT_THERE.format(channel=place.channel))

    async def _reply(self, work_id: str, place: Place, payload: Mapping[str, Any]) -> Reply:
        # The answer to “who may read it?” is written over that question.
        asked_in = optional(payload, "message_ts")
        owner = await self._outlet.deliveries.owned(place.channel, asked_in) if asked_in else None
        reply = self._outlet.reply(place, owner or work_id, work_id)
        await reply.recover()
        return reply

    async def _documents(self, payload: Mapping[str, Any]) -> tuple[dict[str, _Read], str]:
        """What is handed over, and how each is read; and what is said of addresses that were too many.

        Raises NotDownloaded for a message that is no longer there, or is not to be added.
        """
        given = dict(payload)
        texts: dict[str, _Read] = {}
        if payload.get("shared"):
            shared = _shared(inner(payload, "shared"), required(payload, "channel"))
            found = await self._in_slack.contents(shared)
            if found.is_ours:
                raise NotDownloaded(_OURS)
            if found.has_text:
                texts = {shared.place: self._message}
            given |= {
                "urls": found.urls[:URLS_AT_ONCE],
                "left_out": len(found.urls[URLS_AT_ONCE:]),
                "files": found.files,
            }
        pages_ = dict.fromkeys(given.get("urls", []), self._page)
        return texts | pages_ | dict.fromkeys(given.get("files", []), self._file), left_out_of(given)

    def _outcomes(self, work_id: str, scope: str) -> Outcomes:
        """What an earlier try brought in for these readers; for others, it would have to be brought in anew."""
        before, outcomes = self._under_way.get(work_id, (scope, {}))
        if before != scope:
            outcomes = {}
        self._under_way[work_id] = scope, outcomes
        return outcomes

    async def _page(self, url: str, scope: str, origin: Origin) -> list[IngestResult]:
        try:
            return [result async for result in self._library.ingest(url, scope, origin)]
        except (SourceError, InvalidScope) as error:
            return [failed(url, url, error)]

    async def _file(self, file_id: str, scope: str, origin: Origin) -> list[IngestResult]:
        return await self._upload(file_id, self._in_slack.file(file_id), scope, file_place(file_id), origin)

    async def _message(self, place: str, scope: str, origin: Origin) -> list[IngestResult]:
        return await self._upload("The message", self._in_slack.again(place), scope, place, origin)

    async def _upload(
        self, name: str, reading: Awaitable[Upload | None], scope: str, place: str, origin: Origin
    ) -> list[IngestResult]:
        try:
            found = await reading
            if found is None:
                return [failed(name, name, "It is not kept in Slack.")]
            origin = replace(origin, place=place)
            return await self._library.ingest_bytes(
                found.data, name=found.name, uri=found.uri, scope=scope, origin=origin
            )
        except (NotDownloaded, SourceError, InvalidScope) as error:
            return [failed(name, name, error)]


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
