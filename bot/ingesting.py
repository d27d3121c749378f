"""Documents that people hand over in Slack, and who will be able to read them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.arrivals import SHARE_ACTION
from bot.directory import Channel, Directory
from bot.downloads import Downloads, NotDownloaded
from bot.errors import SlackRefused
from bot.failures import NOT_TAKEN_IN, note
from bot.ingest_form import HELP
from bot.membership import access
from bot.orphans import Place
from bot.payloads import inner, optional, required
from bot.rendering import Page, button, escape, pages, section, split_text
from bot.stream import Outlet, Reply
from knowledge.audience import PUBLIC, channel_scope
from knowledge.documents import IngestResult
from knowledge.errors import KnowledgeError
from knowledge.library import Library

_SECTION_CHARS = 2_900
# What a button's value may hold.
_VALUE_CHARS = 2_000
_NOT_THERE = (
    "I could not write in <#{channel}>, so what you added there was not taken in, or not all of it. "
    "Please invite me to it, and add it again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The scope of what is added at a place; None in a direct message, where only the person can say."""

    scope: str | None
    said: str


_EVERYONE = Readers(scope=PUBLIC, said="Everyone in this workspace will be able to read it.")


def readers(channel: Channel) -> Readers:
    match channel.kind:
        case "public":
            return _EVERYONE
        case "direct":
            return Readers(scope=None, said="")
        case _:
            return Readers(scope=channel_scope(channel.id), said="Only this channel will be able to read it.")


class IngestDesk:
    """`/ingest`, uploads and forms; results are shown in one message that is updated as documents come in."""

    def __init__(self, *, library: Library, outlet: Outlet, downloads: Downloads, directory: Directory) -> None:
        self._library = library
        self._outlet = outlet
        self._downloads = downloads
        self._directory = directory

    async def take_in(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Bring in addresses or files; say how to, where there are none. Run again, it changes nothing that is in already."""
        place = _place(payload)
        reply = await self._reply(work_id, place, payload)
        allowed = await access(self._directory, team=place.team, channel=place.channel, user=place.user)
        if allowed.refusal:
            await reply.replace(note(f":warning: {allowed.refusal}"))
            return
        names = [*payload.get("urls", []), *payload.get("files", [])]
        if not names:
            await reply.replace(note(HELP))
            return
        who = readers(await self._directory.channel(place.channel))
        if who.scope is None and payload.get("everyone"):
            who = _EVERYONE
        if who.scope is None:
            await reply.replace(_ask_who(payload))
            return
        results: list[IngestResult] = []
        await reply.replace(_progress(results, who, len(names)))
        async for result in self._results(payload, who.scope):
            results.append(result)
            await reply.replace(_progress(results, who, len(names) - len(results)))

    async def own_up(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Say that it failed, over the message that tells of its progress."""
        reply = await self._reply(work_id, _place(payload), payload)
        await reply.replace(note(NOT_TAKEN_IN))

    async def own_up_privately(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Tell the person in a direct message what could not be said at the place itself."""
        place = _place(payload)
        opened = await self._outlet.slack.write("conversations.open", users=place.user)
        private = replace(place, channel=required(inner(opened, "channel"), "id"), thread_ts="", after_ts="")
        told = f"{work_id}:told"
        reply = self._outlet.reply(private, told, told)
        await reply.recover()
        await reply.replace(note(_NOT_THERE.format(channel=place.channel)))

    async def _reply(self, work_id: str, place: Place, payload: Mapping[str, Any]) -> Reply:
        # The answer to “who may read it?” is written over that question.
        asked_in = optional(payload, "message_ts")
        owner = await self._outlet.deliveries.owned(place.channel, asked_in) if asked_in else None
        reply = self._outlet.reply(place, owner or work_id, work_id)
        await reply.recover()
        return reply

    async def _results(self, payload: Mapping[str, Any], scope: str) -> AsyncIterator[IngestResult]:
        for url in payload.get("urls", []):
            try:
                async for result in self._library.ingest(url, scope):
                    yield result
            except KnowledgeError as error:
                yield _failed(url, str(error))
        for file_id in payload.get("files", []):
            yield await self._file(file_id, scope)

    async def _file(self, file_id: str, scope: str) -> IngestResult:
        try:
            upload = await self._downloads.fetch(file_id)
            return await self._library.ingest_bytes(upload.data, name=upload.name, uri=upload.uri, scope=scope)
        except (NotDownloaded, KnowledgeError) as error:
            return _failed(file_id, str(error))
        except SlackRefused as error:
            gone = error.code in {"file_not_found", "file_deleted"}
            return _failed(file_id, "The file is no longer there." if gone else "Slack does not let me read this file.")


def _place(payload: Mapping[str, Any]) -> Place:
    return Place(
        team=required(payload, "team"),
        channel=required(payload, "channel"),
        thread_ts=optional(payload, "thread_ts"),
        after_ts=optional(payload, "after_ts"),
        user=required(payload, "user"),
    )


def _failed(uri: str, error: str) -> IngestResult:
    return IngestResult(uri=uri, title=uri, status="failed", error=error)


_DONE = {"added": "Added", "unchanged": "Already there", "updated": "Updated", "failed": "Could not be added"}
_SIGNS = {
    "added": ":white_check_mark:",
    "unchanged": ":heavy_check_mark:",
    "updated": ":arrows_counterclockwise:",
    "failed": ":x:",
}


def _progress(results: Sequence[IngestResult], who: Readers, left: int) -> list[Page]:
    head = f"Reading {left} {'document' if left == 1 else 'documents'}… {who.said}" if left else who.said
    lines = [_line(result) for result in results]
    text = "\n".join([head, *lines])
    return pages([section(piece) for piece in split_text(text, _SECTION_CHARS)], text=text)


def _line(result: IngestResult) -> str:
    what = f"{_SIGNS[result.status]} {_DONE[result.status]}: {escape(result.title or result.uri)}"
    return f"{what}. {escape(result.error)}" if result.error else what


def _ask_who(payload: Mapping[str, Any]) -> list[Page]:
    said = (
        "Who may read it? From here I can only add it for *everyone in this workspace*. "
        "For one private channel, add it in that channel."
    )
    value = " ".join([*payload.get("files", []), *payload.get("urls", [])])
    if len(value) > _VALUE_CHARS:
        return note("These addresses are too long to be taken in together. Please send them one by one.")
    choice = {
        "type": "actions",
        "block_id": "share",
        "elements": [button("Everyone may read it", action_id=SHARE_ACTION, value=value)],
    }
    return [Page(text=said, blocks=[section(said), choice])]
