"""What is said of documents that are handed over: who will be able to read them, and what came of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.arrivals import SHARE_ACTION
from bot.directory import Channel
from bot.failures import note
from bot.ingest_form import URLS_AT_ONCE, choice_value
from bot.rendering import Page, button, escape, pages, section, short_title, split_text
from knowledge.audience import PUBLIC, channel_scope
from knowledge.documents import IngestResult

_SECTION_CHARS = 2_900
# What a button's value may hold.
_VALUE_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The scope of what is added at a place; None in a direct message, where only the person can say."""

    scope: str | None
    said: str


EVERYONE_MAY = Readers(scope=PUBLIC, said="Everyone in this workspace will be able to read it.")


def readers(channel: Channel) -> Readers:
    match channel.kind:
        case "public":
            return EVERYONE_MAY
        case "direct":
            return Readers(scope=None, said="")
        case _:
            return Readers(scope=channel_scope(channel.id), said="Only this channel will be able to read it.")


_DONE = {
    "added": "Added",
    "unchanged": "Already there",
    "updated": "Updated",
    "removed": "Taken out",
    "failed": "Could not be added",
}
_SIGNS = {
    "added": ":white_check_mark:",
    "unchanged": ":heavy_check_mark:",
    "updated": ":arrows_counterclockwise:",
    "removed": ":wastebasket:",
    "failed": ":x:",
}


def progress(results: Sequence[IngestResult], who: Readers, left: int, left_out: str) -> list[Page]:
    head = f"Reading {left} {'document' if left == 1 else 'documents'}… {who.said}" if left else who.said
    text = "\n".join(filter(None, [head, *map(line_of, results), left_out]))
    return pages([section(piece) for piece in split_text(text, _SECTION_CHARS)], text=text)


def line_of(result: IngestResult) -> str:
    what = f"{_SIGNS[result.status]} {_DONE[result.status]}: {escape(short_title(result.title or result.uri))}"
    return f"{what}. {escape(result.error)}" if result.error else what


def left_out_of(payload: Mapping[str, Any]) -> str:
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


def ask_who(payload: Mapping[str, Any], left_out: str) -> list[Page]:
    question = (
        f"Who may read {_named(payload)}? From here I can only add it for *everyone in this workspace*. "
        "For one private channel, add it in that channel."
    )
    said = "\n".join(filter(None, [question, left_out]))
    value = choice_value(payload)
    if len(value) > _VALUE_CHARS:
        return note("These addresses are too long to be taken in together. Please send them one by one.")
    choice = {
        "type": "actions",
        "block_id": "share",
        "elements": [button("Everyone may read it", action_id=SHARE_ACTION, value=value)],
    }
    return [Page(text=said, blocks=[section(said), choice])]


def _named(payload: Mapping[str, Any]) -> str:
    """What is asked about; files are in the message that the question stands under."""
    urls: list[str] = payload.get("urls", [])
    if not urls:
        return "it"
    more = len(urls) + len(payload.get("files", [])) - 1
    return f"`{escape(urls[0])}`{f' and {more} more' if more else ''}"
