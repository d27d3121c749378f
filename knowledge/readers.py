# pyright: reportUnknownMemberType=false
# kreuzberg's ExtractionConfig is only partly typed.
"""Each kind of document as Markdown text, with what the document says of itself. Runs in the parsing process."""

import codecs
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

from kreuzberg import ExtractionConfig, ExtractionResult, KreuzbergError, PageConfig, extract_bytes_sync

from knowledge.captions import read_captions
from knowledge.kinds import CSV, DOC, EML, HTML, JSON, MARKDOWN, MSG, PDF, PLAIN, PPTX, RST, TSV, VTT, XLS, XLSX
from knowledge.markdown import first_heading, split_front_matter, tidy
from knowledge.places import MARKER, marked_text, with_places
from knowledge.signatures import Refused
from knowledge.slides import without_pictures

_HEAD = re.compile(rb"<head\b(?:[^<]|<(?!head\b))*?</head\s*>", re.DOTALL | re.IGNORECASE)
_HTML_TITLE = re.compile(r"<title\b[^>]{0,500}>(.{0,2000}?)</title\s*>", re.DOTALL | re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]{2,30})", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# A text holds a stray control character at times, a program or a picture many.
_STRAY_CONTROLS = 64
_CONTROL_SHARE = 0.05

_PICTURE = re.compile(r"\\?!\[[^\[\]]{0,500}\]\([^()\n]{0,2000}\)")
_LINK_FIELD = re.compile(r'HYPERLINK[ \t]+"[^"\n]{0,2000}"[ \t]*')
_RULE = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)
_MAIL_HEADER = re.compile(r"\A(?:(?:Subject|From|To|CC|BCC|Date): [^\n]*(?:\n|\Z))*", re.IGNORECASE)
# What programs write where nobody gave a title, and names of files.
_NO_TITLE = re.compile(
    r"(?:untitled.*|document\d*|presentation\d*|powerpoint presentation|word document|slide 1|title|sheet1"
    r"|\(anonymous\)|unknown|.*\.(?:docx?|odt|ods|odp|pptx?|xlsx?|pdf|tex|dvi|indd|qxd|rtf|html?|txt|cdr|ai))?",
    re.IGNORECASE,
)
_NO_AUTHOR = re.compile(r"(?:\(?anonymous\)?|un-?named|unknown|user|python-(?:docx|pptx)|openpyxl)?", re.IGNORECASE)
_PRINTED_FROM = re.compile(r"^Microsoft (?:Office )?(?:Word|PowerPoint|Excel) - ", re.IGNORECASE)
# What a document of this kind is divided into.
_PLACES = {PDF: "Page", PPTX: "Slide"}
# A sheet's name is the first heading there, and says little of the whole.
_TITLED_BY_FILE = frozenset({XLSX, XLS, CSV, TSV, JSON, VTT})
_FIRST_DAY = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a document holds; `title` is None where it gives none, and `pages` are counted of a PDF alone."""

    text: str
    title: str | None = None
    author: str | None = None
    created: datetime | None = None
    modified: datetime | None = None
    pages: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extracted:
    content: str
    metadata: Mapping[str, Any]
    nodes: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])


def read(data: bytes, kind: str, *, is_web_page: bool = False) -> Reading:
    """Raises KreuzbergError, Refused or MemoryError."""
    page = _read_web_page(data) if kind == HTML and is_web_page else None
    # Where there is no main text, as on a page of nothing but navigation, all of it counts.
    reading = page or _read(data, kind)
    title = reading.title or (None if kind in _TITLED_BY_FILE else first_heading(reading.text))
    place = _PLACES.get(kind)
    return replace(reading, title=title, text=with_places(reading.text, place) if place else reading.text)


def links(data: bytes) -> list[str]:
    """Where an HTML page leads. Raises Refused."""
    from knowledge.web_page import links_of  # noqa: PLC0415

    return links_of(_as_utf8(data).decode())


def _read(data: bytes, kind: str) -> Reading:
    if kind == MARKDOWN:
        title, body = split_front_matter(_extract(_as_utf8(data), PLAIN, "plain").content)
        return Reading(title=title, text=tidy(body))
    if kind == PLAIN:
        return Reading(text=_extract(_as_utf8(data), PLAIN, "plain").content.strip())
    if kind == HTML:
        return _read_html(_as_utf8(data))
    if kind == VTT:
        return Reading(text=without_controls(read_captions(_as_utf8(data).decode())))
    if kind in {EML, MSG}:
        return _read_message(_as_utf8(data) if kind == EML else data, kind)
    return _read_office(data, kind)


def _read_html(data: bytes) -> Reading:
    front_title, body = split_front_matter(data.decode())
    found = _HTML_TITLE.search(body)
    title = front_title or (" ".join(tidy(found.group(1)).split()) if found else None)
    # kreuzberg writes what the head says into the text.
    bare = _HEAD.sub(b"", _HTML_TITLE.sub("", body, count=1).encode())
    # A page that is nothing but navigation and forms is still a page.
    text = _extract(bare, HTML, "markdown", preset="aggressive").content or _extract(bare, HTML, "markdown").content
    return Reading(title=title or None, text=tidy(text))


def _read_web_page(data: bytes) -> Reading | None:
    # It takes a second to import, which a worker that is given files only does without.
    from knowledge.web_page import read_web_page  # noqa: PLC0415

    text = _as_utf8(data).decode()
    try:
        page = read_web_page(text)
    except Exception:  # noqa: BLE001 — a page that this reader stumbles over is read as any other HTML
        return None
    main = tidy(without_controls(page.text))
    if not main:
        return None
    return Reading(text=main, title=page.title or None, author=page.author or None, modified=_time(page.date))


def _read_message(data: bytes, kind: str) -> Reading:
    # As Markdown, the lines of a plain text would run together.
    found = _extract(data, kind, "plain")
    text = html.unescape(found.content).replace("\r\n", "\n").replace("\r", "\n")
    header = _MAIL_HEADER.match(text)
    if header is not None and not text[header.end() :].strip():
        return Reading(text="")
    attached: list[object] = found.metadata.get("attachments") or []
    if attached:
        text = f"{text.rstrip()}\n\nAttached: {', '.join(map(str, attached))}"
    reading = _with_metadata(found, without_controls(text).strip())
    name, address = parseaddr(str(found.metadata.get("from_email") or ""))
    subject = str(found.metadata.get("subject") or "").strip()
    return replace(reading, title=subject or None, author=reading.author or name or address or None)


def _read_office(data: bytes, kind: str) -> Reading:
    if kind == PDF:
        return _read_pages(data)
    if kind == PPTX:
        return _read_slides(data)
    found = _extract(_as_utf8(data) if kind in {CSV, TSV, RST, JSON} else data, kind, "markdown")
    text = tidy(found.content)
    return _with_metadata(found, _LINK_FIELD.sub("", text) if kind == DOC else text)


def _read_pages(data: bytes) -> Reading:
    found = _extract(data, PDF, "markdown", structure=True)
    pages = int(found.metadata.get("page_count", 1))
    if not pages:
        raise Refused("broken")
    # The text as Markdown does not say where a page begins; the blocks do.
    return replace(_with_metadata(found, without_controls(marked_text(found.nodes))), pages=pages)


def _read_slides(data: bytes) -> Reading:
    try:
        found = _extract(data, PPTX, "markdown")
    except KreuzbergError:
        # It gives up on a picture that is only linked to, or missing.
        found = _extract(without_pictures(data), PPTX, "markdown")
    text = _RULE.sub("", _PICTURE.sub("", found.content))
    return _with_metadata(found, tidy(text))


def _with_metadata(found: _Extracted, text: str) -> Reading:
    said = found.metadata
    named: list[object] = said.get("authors") or []
    authors = [author for author in (str(name).strip() for name in named) if not _NO_AUTHOR.fullmatch(author)]
    return Reading(
        text=text,
        title=_title(str(said.get("title") or "")),
        author=", ".join(authors) or None,
        created=_time(said.get("created_at")),
        modified=_time(said.get("modified_at")),
    )


def _title(said: str) -> str | None:
    title = " ".join(_PRINTED_FROM.sub("", said.strip()).split())
    return None if _NO_TITLE.fullmatch(title) else title


def _time(said: object) -> datetime | None:
    """The moment that a format's own notation names; None where it names none, or one that no document can have."""
    text = str(said or "").strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment > _FIRST_DAY else None


def _extract(data: bytes, kind: str, output: str, *, preset: str = "standard", structure: bool = False) -> _Extracted:
    config = ExtractionConfig(
        use_cache=False,
        output_format=output,
        include_document_structure=structure,
        pages=PageConfig(insert_page_markers=True, marker_format=MARKER) if kind == PPTX else None,
        html_options={"preprocessing": {"enabled": True, "preset": preset}},  # pyright: ignore[reportArgumentType]
    )
    try:
        result: ExtractionResult = extract_bytes_sync(data, kind, config=config)
    except (OSError, RuntimeError) as error:
        # Not all that kreuzberg raises is an error of its own: a part that does not unpack is an OSError.
        raise Refused("broken") from error
    nodes: list[Mapping[str, Any]] = [*result.document["nodes"]] if structure and result.document else []
    return _Extracted(content=without_controls(result.content), metadata={**result.metadata}, nodes=nodes)


def without_controls(text: str) -> str:
    """Less what no database keeps and no page shows."""
    return _CONTROL.sub("", text)


def _as_utf8(data: bytes) -> bytes:
    """Kreuzberg takes text for UTF-8, which text from elsewhere often is not. Raises Refused for what is no text."""
    text = _decoded(data)
    controls = len(_CONTROL.findall(text))
    if controls > max(_STRAY_CONTROLS, len(text) * _CONTROL_SHARE):
        raise Refused("broken")
    return text.encode()


def _decoded(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    declared = _CHARSET.search(data[:2000])
    for attempt in (encoding, declared.group(1).decode() if declared else "cp1252"):
        try:
            text = data.decode(attempt)
            text.encode()
        except (UnicodeError, LookupError):
            continue
        return text
    return data.decode("cp1252", errors="replace")
