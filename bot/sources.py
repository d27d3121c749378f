"""A source opened: the whole passage that an answer cites, shown to those who may read it now."""

import logging

from bot.directory import Directory
from bot.membership import access
from bot.payloads import Json, inner, objects, optional
from bot.rendering import SECTION_CHARS, context, escape, plain, section, split_text, title_of
from router.errors import JournalUnavailable
from router.exchanges import Exchange, ShownPassage
from router.journal import Journal

log = logging.getLogger("tandem.sources")

_TITLE_CHARS = 24
_GONE = "This answer is no longer on record, so its source cannot be shown."
_NOT_YOURS = "You may not read this document, or I could not find out whether you may."
_LATER = "The source cannot be shown right now. Please try again in a minute."


class SourceDesk:
    def __init__(self, *, journal: Journal, directory: Directory) -> None:
        self._journal = journal
        self._directory = directory

    async def view(self, body: Json) -> Json:
        """The form that a click on a source opens; where it can't be shown, it says why."""
        value = "".join(optional(clicked, "value") for clicked in objects(body, "actions")[:1])
        number, _, exchange_id = value.partition(" ")
        try:
            exchange = await self._journal.exchange(exchange_id)
        except JournalUnavailable:
            return _form("Source", [section(_LATER)])
        passage = _passage(exchange, number)
        if exchange is None or passage is None:
            return _form("Source", [section(_GONE)])
        # The message stays in the channel when people leave it or a document's readers change: ask again.
        granted = await access(
            self._directory,
            channel=optional(inner(body, "channel"), "id"),
            user=optional(inner(body, "user"), "id"),
        )
        if not granted.audience.may_read(passage.scope):
            return _form("Source", [section(_NOT_YOURS)])
        return _form(f"Source {number}", _shown(passage))


def _passage(exchange: Exchange | None, number: str) -> ShownPassage | None:
    if exchange is None or not number.isdecimal() or not 1 <= int(number) <= len(exchange.passages):
        return None
    return exchange.passages[int(number) - 1]


def _shown(passage: ShownPassage) -> list[Json]:
    head = section(f"*{title_of(passage.title, passage.uri)}*")
    text = [section(escape(piece)) for piece in split_text(passage.text.strip(), SECTION_CHARS // 2)]
    return [head, *text, context("The passage as it was when the answer was given.")]


def _form(title: str, blocks: list[Json]) -> Json:
    return {"type": "modal", "title": plain(title[:_TITLE_CHARS]), "close": plain("Close"), "blocks": blocks}
