"""Documents that people hand over in Slack, and who will be able to read them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from bot.arrivals import SHARE_ACTION
from bot.directory import Channel, Directory
from bot.downloads import Downloads, NotDownloaded
from bot.errors import SlackRefused
from bot.failures import NOT_TAKEN_IN, note
from bot.ingest_form import HELP, URLS_AT_ONCE, choice_value
from bot.membership import access
from bot.orphans import Place
from bot.payloads import inner, optional, required
from bot.rendering import Page, button, escape, pages, section, split_text
from bot.stream import Outlet, Reply
from knowledge.audience import PUBLIC, channel_scope
from knowledge.documents import IngestResult
from knowledge.errors import InvalidScope, SourceError
from knowledge.library import Library

_SECTION_CHARS = 2_900
# What a button's value may hold.
_VALUE_CHARS = 2_000
_NOT_THERE = (
    "I could not write in <#{channel}>, so what you added there was not taken in, or not all of it. "
    "Please invite me to it, and add it again."
)

# By the name under which a document was handed over.
_Outcomes = dict[str, list[IngestResult]]
_Read = Callable[[str, str], Awaitable[list[IngestResult]]]


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
        # Of work that is not done: for which readers, and what came of each document so far. Without it, a further try
        # would fetch again what is in, and call “already there” what was said to be added.
        self._under_way: dict[str, tuple[str, _Outcomes]] = {}

    async def take_in(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Bring in addresses or files; say how to, where there are none. Run again, it changes nothing that is in already.

        Raises IndexUnavailable and CatalogueUnavailable: they are about no document, and their words are for operators.
        """
        place = _place(payload)
        reply = await self._reply(work_id, place, payload)
        allowed = await access(self._directory, channel=place.channel, user=place.user)
        if allowed.refusal:
            self._under_way.pop(work_id, None)
            await reply.replace(note(f":warning: {allowed.refusal}"))
            return
        documents = self._documents(payload)
        if not documents:
            await reply.replace(note(HELP))
            return
        who = readers(await self._directory.channel(place.channel))
        if who.scope is None and payload.get("everyone"):
            who = _EVERYONE
        if who.scope is None:
            await reply.replace(_ask_who(payload))
            return
        outcomes = self._outcomes(work_id, who.scope)
        left_out = _left_out(payload)
        await reply.replace(_progress(outcomes, who, len(documents) - len(outcomes), left_out))
        for name in [name for name in documents if name not in outcomes]:
            outcomes[name] = await documents[name](name, who.scope)
            await reply.replace(_progress(outcomes, who, len(documents) - len(outcomes), left_out))
        del self._under_way[work_id]

    async def own_up(self, work_id: str, payload: Mapping[str, Any]) -> None:
        """Say that it failed, over the message that tells of its progress."""
        self._under_way.pop(work_id, None)
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

    def _documents(self, payload: Mapping[str, Any]) -> Mapping[str, _Read]:
        """What is handed over, and how each is read."""
        return dict.fromkeys(payload.get("urls", []), self._page) | dict.fromkeys(payload.get("files", []), self._file)

    def _outcomes(self, work_id: str, scope: str) -> _Outcomes:
        """What an earlier try brought in for these readers; for others, it would have to be brought in anew."""
        before, outcomes = self._under_way.get(work_id, (scope, {}))
        if before != scope:
            outcomes = {}
        self._under_way[work_id] = scope, outcomes
        return outcomes

    async def _page(self, url: str, scope: str) -> list[IngestResult]:
        try:
            return [result async for result in self._library.ingest(url, scope)]
        except (SourceError, InvalidScope) as error:
            return [_failed(url, str(error))]

    async def _file(self, file_id: str, scope: str) -> list[IngestResult]:
        try:
            upload = await self._downloads.fetch(file_id)
            return [await self._library.ingest_bytes(upload.data, name=upload.name, uri=upload.uri, scope=scope)]
        except (NotDownloaded, SourceError, InvalidScope) as error:
            return [_failed(file_id, str(error))]
        except SlackRefused as error:
            gone = error.code in {"file_not_found", "file_deleted"}
            return [
                _failed(file_id, "The file is no longer there." if gone else "Slack does not let me read this file.")
            ]


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


def _progress(outcomes: _Outcomes, who: Readers, left: int, left_out: str) -> list[Page]:
    head = f"Reading {left} {'document' if left == 1 else 'documents'}… {who.said}" if left else who.said
    lines = [_line(result) for result in chain.from_iterable(outcomes.values())]
    text = "\n".join(filter(None, [head, *lines, left_out]))
    return pages([section(piece) for piece in split_text(text, _SECTION_CHARS)], text=text)


def _line(result: IngestResult) -> str:
    what = f"{_SIGNS[result.status]} {_DONE[result.status]}: {escape(result.title or result.uri)}"
    return f"{what}. {escape(result.error)}" if result.error else what


def _left_out(payload: Mapping[str, Any]) -> str:
    """What is said of addresses that were too many; nothing where there are none."""
    match payload.get("left_out", 0):
        case 0:
            return ""
        case 1:
            which = "one was"
        case count:
            which = f"{count} were"
    return (
        f":warning: I take in {URLS_AT_ONCE} addresses at a time, and the last {which} left out. "
        "Please hand over what was left out in another message."
    )


def _ask_who(payload: Mapping[str, Any]) -> list[Page]:
    question = (
        "Who may read it? From here I can only add it for *everyone in this workspace*. "
        "For one private channel, add it in that channel."
    )
    said = "\n".join(filter(None, [question, _left_out(payload)]))
    value = choice_value(payload)
    if len(value) > _VALUE_CHARS:
        return note("These addresses are too long to be taken in together. Please send them one by one.")
    choice = {
        "type": "actions",
        "block_id": "share",
        "elements": [button("Everyone may read it", action_id=SHARE_ACTION, value=value)],
    }
    return [Page(text=said, blocks=[section(said), choice])]
