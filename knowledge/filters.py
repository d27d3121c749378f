"""What a person narrows a search to, in the words of the message: in:#ops from:anna type:pdf after:2026-01-01.

A filter takes away from what the audience may read, and never adds to it. Dates are days in UTC: `after:` holds from
its day on, `before:` up to the day before. A word in quotes or code is no filter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from knowledge.errors import InvalidFilter
from knowledge.kinds import READABLE, kind_of

_FILTER = re.compile(
    r"(?<!\S)(?:(?P<in>in:)(?P<channel>#[^\s,;!?]+|(?-i:[CG][A-Z0-9]{6,20})(?!\w))"
    r"|(?P<from>from:)(?:[\"“](?P<quoted>[^\"“”\n]{1,80})[\"”]|@?(?P<author>[^\W\d_][^\s,;:!?\"“”]*))"
    r"|(?P<when>after:|before:)(?P<date>[^\s,;!?]+)"
    r"|(?P<type>type:)(?P<kind>[^\s,;!?]+))",
    re.IGNORECASE,
)
_HAS_WORD = re.compile(r"\w")
_DATE = re.compile(r"\d{4}(?:-\d{2}){0,2}")
_FIRST = "-01"
_DATE_CHARS = len("2026-01-01")
_SHOWN_CHARS = 40
_OTHER_NAMES = {"word": "docx", "excel": "xlsx", "powerpoint": "pptx", "text": "txt", "page": "html", "web": "html"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """Of each kind, one that holds is enough; all kinds must hold. Empty ones are not asked for.

    `channels` are ids, `authors` in lower case, `kinds` media types. `until` itself is left out.
    """

    channels: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None


UNFILTERED = SearchFilter()


def parse_filter(text: str, *, channels: Mapping[str, str]) -> tuple[str, SearchFilter]:
    """The text without its filters, and what they say. `channels` gives the ids by names in lower case, without #.

    Raises InvalidFilter with a sentence for people: for a channel that is not among `channels`, a date or kind that is
    none, and where nothing is left to search for.
    """
    found = list(_FILTER.finditer(text))
    if not found:
        return text, UNFILTERED
    since = [_date(one["date"]) for one in found if (one["when"] or "").lower() == "after:"]
    until = [_date(one["date"]) for one in found if (one["when"] or "").lower() == "before:"]
    narrowed = SearchFilter(
        channels=frozenset(_channel(one["channel"], channels) for one in found if one["in"]),
        authors=frozenset(_author(one["quoted"] or one["author"]) for one in found if one["from"]),
        kinds=frozenset(_kind(one["kind"]) for one in found if one["type"]),
        since=max(since, default=None),
        until=min(until, default=None),
    )
    if narrowed.since and narrowed.until and narrowed.since >= narrowed.until:
        raise InvalidFilter("The day of after: must lie before the day of before:, or nothing can be found")
    rest = without_filters(text)
    if not _HAS_WORD.search(rest):
        raise InvalidFilter("Please write what you look for, beside where and when")
    return rest, narrowed


def without_filters(text: str) -> str:
    return re.sub(r"[ \t]{2,}", " ", _FILTER.sub("", text)).strip() if _FILTER.search(text) else text


def _channel(written: str, channels: Mapping[str, str]) -> str:
    if not written.startswith("#"):
        return written.upper()
    name = _bare(written).removeprefix("#")
    if name.lower() not in channels:
        # The same for a channel that is none and for one that may not be read: a name is not given away.
        raise InvalidFilter(f"I know no channel “#{name[:_SHOWN_CHARS]}” that I could search here")
    return channels[name.lower()]


def _author(written: str) -> str:
    return " ".join(_bare(written).removeprefix("@").lower().split())


def _kind(written: str) -> str:
    name = _bare(written).lower()
    kind = kind_of(f"document.{_OTHER_NAMES.get(name, name)}")
    if kind is None:
        raise InvalidFilter(f"“{name[:_SHOWN_CHARS]}” is no kind of document that I read; after type: write {READABLE}")
    return kind


def _date(written: str) -> datetime:
    """A day, or the first one of a month or a year."""
    day = _bare(written)
    whole = f"{day}{_FIRST}{_FIRST}"[:_DATE_CHARS] if _DATE.fullmatch(day) else day
    try:
        return datetime.strptime(whole, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidFilter(f"“{day[:_SHOWN_CHARS]}” is no date; write one like 2026-01-31") from None


def _bare(written: str) -> str:
    """Without the stop or bracket that ends a sentence."""
    return written.rstrip(".:)]")
