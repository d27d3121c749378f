"""What one person is shown of the documents: `/ingest list`, `status` and `preview`."""

from datetime import datetime

from bot.arrivals import NEWER_ACTION, OLDER_ACTION
from bot.directory import Directory
from bot.ingest_report import readers
from bot.ingests import Ingest, Ingests
from bot.membership import access
from bot.quarantine import Quarantine, SetAside
from bot.rendering import Page, button, context, escape, plain, section, short_title_of
from bot.slack_documents import is_in_slack
from knowledge.audience import PUBLIC
from knowledge.documents import Entry, Preview
from knowledge.errors import SourceError
from knowledge.library import Library

_PER_PAGE = 15
_PLACES = 3
_SET_ASIDE = 5
_NAME_CHARS = 1_000
_PREVIEW_LINES = 8
_PREVIEW_CHARS = 700
_KILO = 1_000
_NOTHING = "There is no document yet that can be read here. `/ingest help` says how to add one."
_NOT_A_PAGE = "Write the address of a page, like `/ingest preview https://example.org/page`."
_ON_PURPOSE = "`/ingest refresh` with this name tries it again."
_ASKED = "You would be asked who may read it."


class DocumentDesk:
    """Raises CatalogueUnavailable, and SQLAlchemyError where the database fails otherwise."""

    def __init__(self, *, library: Library, directory: Directory, ingests: Ingests, quarantine: Quarantine) -> None:
        self._library = library
        self._directory = directory
        self._ingests = ingests
        self._quarantine = quarantine

    async def listed(self, *, channel: str, user: str, page: int = 1) -> Page:
        """What everybody may read who reads here, a page of it, the last added first."""
        granted = await access(self._directory, channel=channel, user=user)
        if granted.refusal:
            return _said(granted.refusal)
        count = await self._library.count(granted.audience)
        if not count:
            return _said(_NOTHING)
        last = (count - 1) // _PER_PAGE + 1
        number = min(max(page, 1), last)
        entries = await self._library.documents(granted.audience, limit=_PER_PAGE, offset=(number - 1) * _PER_PAGE)
        head = _readable(count)
        head += f", page {number} of {last}, the last added first." if last > 1 else ", the last added first."
        turn = [
            button(label, action_id=action, value=str(to))
            for label, action, to in (("Newer", NEWER_ACTION, number - 1), ("Older", OLDER_ACTION, number + 1))
            if 1 <= to <= last
        ]
        turning = [{"type": "actions", "block_id": "documents", "elements": turn}] if turn else []
        return Page(text=head, blocks=[section(head), *(section(_line(entry)) for entry in entries), *turning])

    async def status(self, *, channel: str, user: str) -> Page:
        """What is being taken in here, which places were read again, what failed last, and what is set aside."""
        granted = await access(self._directory, channel=channel, user=user)
        if granted.refusal:
            return _said(granted.refusal)
        count = await self._library.count(granted.audience)
        reading = [
            f"• {_read(each)} read, for <@{each.person}>, since {_moment(each.started_at)}"
            for each in await self._ingests.under_way(channel)
        ]
        failed = [
            f"• {_place(each.name)}{escape(each.reason)} ({_moment(each.failed_at)})"
            for each in await self._ingests.failures(channel)
        ]
        head = f"{_readable(count)}."
        blocks = [section(head)]
        if self._library.index_change:
            # A share, not a number: how many passages others have is not for everyone.
            blocks.append(section(f"A new embedding model: {escape(str(self._library.index_change))}."))
        blocks.append(section("\n".join(["*Being taken in here*", *(reading or ["Nothing at the moment."])])))
        read_again = [
            f"• {escape(each.place[:_NAME_CHARS])}: {each.changed} new or changed, {each.removed} taken out, "
            f"{each.failed} failed ({_moment(each.refreshed_at)})"
            for each in await self._library.places_read(granted.audience, limit=_PLACES)
        ]
        if read_again:
            blocks.append(section("*Read again last*"))
            blocks.extend(section(line) for line in read_again)
        blocks.append(section("*What failed here last*" if failed else "Nothing failed here."))
        blocks.extend(section(line) for line in failed)
        aside = await self._quarantine.set_aside(granted.audience, channel=channel, limit=_SET_ASIDE)
        if aside:
            blocks.append(section("*Set aside here: not tried again by itself*"))
            blocks.extend(section(_aside_line(each)) for each in aside)
        return Page(text=head, blocks=blocks)

    async def preview(self, *, channel: str, user: str, url: str) -> Page:
        """What would be read of a page, and by whom; nothing is kept."""
        granted = await access(self._directory, channel=channel, user=user)
        if granted.refusal:
            return _said(granted.refusal)
        if not url.startswith(("http://", "https://")):
            return _said(_NOT_A_PAGE)
        try:
            found = await self._library.preview(url)
        except SourceError as error:
            return _said(f"This page would not be taken in. {error}")
        return _previewed(found, readers(await self._directory.channel(channel)).said or _ASKED)


def _read(ingest: Ingest) -> str:
    """Of a channel's history nobody knows beforehand how many threads it holds."""
    return f"{ingest.read} of {ingest.documents}" if ingest.documents else f"{ingest.read} threads"


def _previewed(found: Preview, who: str) -> Page:
    passages = "passage" if found.chunks == 1 else "passages"
    head = f"*{short_title_of(found.title, found.uri)}*\n{_size(found.size)}, {found.chunks} {passages}. {who}"
    lines = [line for line in found.text.splitlines() if line.strip()][:_PREVIEW_LINES]
    # As plain text: what a page says becomes no link and no mention.
    begins = {"type": "section", "text": plain("\n".join(lines)[:_PREVIEW_CHARS] or "(no text)")}
    ends = context("This is how it begins. Nothing of it was kept.")
    return Page(text="What would be read", blocks=[section(head), begins, ends])


def _line(entry: Entry) -> str:
    who = f"<@{entry.origin.added_by}>" if entry.origin.added_by else "the command line"
    passages = f"{entry.chunks} {'passage' if entry.chunks == 1 else 'passages'}"
    read = f" · read {_day(entry.read_at)}" if _day(entry.read_at) != _day(entry.added_at) else ""
    scope = "everyone" if entry.scope == PUBLIC else f"<#{entry.scope.partition(':')[2]}>"
    about = f"{passages} · added {_day(entry.added_at)} by {who}{read} · for {scope}"
    return f"*{entry.number}* {short_title_of(entry.title, entry.uri)}\n{about}"


def _aside_line(aside: SetAside) -> str:
    title, place = aside.document.title, aside.document.place
    named = title if place.endswith(title) else f"{title}, {place}"
    return f"• {escape(named[:_NAME_CHARS])} ({aside.tries} tries, {_moment(aside.tried_at)}). {_ON_PURPOSE}"


def _place(name: str) -> str:
    """Where it was to be read from; of what is kept in Slack the reason has the name, and its id says nothing."""
    return "" if is_in_slack(name) else f"{escape(name[:_NAME_CHARS])}: "


def _readable(count: int) -> str:
    return f"{count} {'document' if count == 1 else 'documents'} can be read here"


def _said(sentence: str) -> Page:
    return Page(text=sentence, blocks=[section(sentence)])


def _size(count: int) -> str:
    if count < _KILO:
        return f"{count} bytes"
    return f"{count / _KILO:.1f} kB" if count < _KILO**2 else f"{count / _KILO**2:.1f} MB"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def _moment(at: datetime) -> str:
    return f"{_day(at)}, {at:%H:%M} UTC"
