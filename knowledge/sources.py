"""A file, a folder or a page as the raw documents it holds."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from knowledge.addresses import parse_place
from knowledge.errors import SourceError, SourceGone, SourceNotFound, SourceRefused, SourceUnreadable
from knowledge.kinds import is_archive, is_document
from knowledge.validators import NO_VALIDATOR, Validator

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WEB = frozenset({"http", "https"})
# An error's sentence shows no more of a name, which may be of any length.
_SHOWN_CHARS = 200
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A document's bytes. `content_type` is as a server announced it, or empty; `modified_at` as the source has it.

    `links` are those of a page as they are written, None where nobody looked.
    """

    data: bytes
    content_type: str = ""
    modified_at: datetime | None = None
    is_web_page: bool = False
    validator: Validator = NO_VALIDATOR
    links: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One document, still to be read or with its `content`.

    `path` is None for one that is no file of its own; `refusal` says why it will not be read. `is_rest` is one that
    stands for all that a limit cut off; `is_unchanged` is a page that its server did not send, since it is known already.
    `uri` is one and the same however the place is written: another would be a second document, and the first
    would go on answering with what it said when it was read.
    """

    uri: str
    name: str
    path: Path | None = None
    content: Content | None = None
    refusal: SourceError | None = None
    is_rest: bool = False
    is_unchanged: bool = False


def find_sources(place: str, *, allow_hosts: tuple[str, ...] = ()) -> Iterator[Source]:
    """The documents at a place, in a fixed order; in a folder, files that are hidden or of other kinds are left out.

    Of internal hosts, only `allow_hosts` (host or host:port) may have a port of their own. A folder that cannot be
    listed is a source with a refusal: what is missing is said.
    Raises SourceNotFound, SourceRefused or SourceUnreadable where the place itself is none.
    """
    if "\0" in place or not place.strip():
        raise SourceNotFound("There is no file, folder or page of that name")
    if _SCHEME.match(place):
        yield page_at(place, allow_hosts)
        return
    path, mode = _look_at(place)
    if stat.S_ISDIR(mode):
        yield from _sources_below(path)
    elif stat.S_ISREG(mode):
        # As the walk through its folder finds it: folders without links in them, and the file's own name.
        path = path.parent.resolve() / path.name
        yield Source(uri=path.as_uri(), name=printable(path.name), path=path)
    else:
        raise SourceRefused(f"“{printable(path.name)}” is neither a file nor a folder")


def source_again(uri: str, place: str, *, allow_hosts: tuple[str, ...] = ()) -> Source:
    """The one document of this `uri`, or the archive that holds it, that was found at `place` before.

    Raises SourceGone, SourceNotFound, SourceRefused or SourceUnreadable: also for what neither the web nor this
    machine holds.
    """
    uri = uri.partition("#")[0]
    split = urlsplit(uri)
    if split.scheme in _WEB and urlsplit(place).scheme in _WEB:
        return page_at(uri, allow_hosts)
    # What is kept in Slack has a link there too, and whoever follows it without a token reads a sign-in page.
    if split.scheme != "file":
        raise SourceRefused("It was handed over in Slack, and is read again from there only")
    named = os.fsdecode(unquote_to_bytes(split.path))
    root = Path(place)
    try:
        path, mode = _look_at(named)
    except SourceNotFound:
        raise _missing(Path(named), root) from None
    if root.is_dir():
        # A file that was found in a folder stays bound to it: meanwhile a link out of it may stand in its place.
        found = next(_file_below(root.resolve(), path), None)
        if found is not None:
            return found
    elif stat.S_ISREG(mode):
        return Source(uri=uri, name=printable(path.name), path=path)
    raise SourceRefused(f"“{printable(path.name)}” is no file any more")


def uris_of(reference: str, allow_hosts: tuple[str, ...] = ()) -> set[str]:
    """What a document's `uri` may be where people write this path or address for it."""
    try:
        return {reference, page_at(reference, allow_hosts).uri}
    except (SourceError, ValueError):
        path = Path(reference)
        if not path.is_absolute() or "\0" in reference:
            return {reference}
        return {reference, path.as_uri(), (path.parent.resolve() / path.name).as_uri()}


def read_file(path: Path, *, limit: int) -> Content:
    """Raises SourceRefused over the limit, SourceNotFound or SourceUnreadable."""
    with open_file(path, limit=limit) as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise _unreadable(path, error) from error
        changed_s = os.fstat(file.fileno()).st_mtime
    if len(data) > limit:
        raise _too_large(path, limit)
    return Content(data=data, modified_at=_moment(changed_s))


def open_file(path: Path, *, limit: int) -> BufferedReader:
    """Raises SourceRefused over the limit, SourceNotFound or SourceUnreadable."""
    try:
        # Non-blocking: a pipe put in a file's place would hold us for ever.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except FileNotFoundError:
        raise SourceNotFound(f"“{printable(path.name)}” is no longer there") from None
    except OSError as error:
        raise _unreadable(path, error) from error
    if os.fstat(file.fileno()).st_size > limit:
        file.close()
        raise _too_large(path, limit)
    return file


def page_at(url: str, allow_hosts: tuple[str, ...]) -> Source:
    """A page of the web. Raises SourceRefused for an address that is none."""
    # A fragment is a place within the page, and never sent.
    place = parse_place(url.partition("#")[0], allow_hosts)
    name = unquote(PurePosixPath(urlsplit(place.url).path).name)
    return Source(uri=place.url, name=name or place.host)


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OSError, OverflowError, ValueError):
        # No date that Python can hold.
        return None


def _look_at(place: str) -> tuple[Path, int]:
    """The path with what kind of thing is there, as stat has it."""
    try:
        path = Path(place).expanduser()
        return path, path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, RuntimeError, ValueError):
        # The last two are for ~ with a user who is none, and for characters that no file's name can hold.
        raise SourceNotFound(f"There is no file or folder “{printable(place[:_SHOWN_CHARS])}”") from None
    except OSError as error:
        raise _unreadable(Path(place), error) from error


def _missing(path: Path, root: Path) -> SourceNotFound:
    """Whether the file is gone, or the way to it: a drive that is not mounted leaves an empty folder, or none."""
    name = printable(path.name[:_SHOWN_CHARS])
    try:
        lowest = root.resolve() if root.is_dir() else path.parent
        folder = next(parent for parent in path.parents if parent.is_dir())
        if folder.is_relative_to(lowest) and any(folder.iterdir()):
            return SourceGone(f"“{name}” is no longer there")
    except OSError:
        pass
    return SourceNotFound(
        f"“{name}” is not there, but neither is anything else in its folder, as where a drive is not mounted"
    )


def _sources_below(folder: Path) -> Iterator[Source]:
    root = folder.resolve()
    unlisted: list[OSError] = []
    for parent, folders, files in os.walk(root, onerror=unlisted.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and (is_document(name) or is_archive(name)):
                yield from _file_below(root, Path(parent, name))
    for error in unlisted:
        path = Path(error.filename or root)
        yield Source(uri=path.as_uri(), name=printable(path.name), path=path, refusal=_unreadable(path, error))


def _file_below(root: Path, path: Path) -> Iterator[Source]:
    """The file, with a refusal where it is not to be read; nothing for a pipe and the like."""
    name = printable(path.name)
    refusal: SourceError | None = None
    try:
        if not _leads_into(root, path):
            refusal = SourceRefused(f"“{name}” is a link that leads out of the folder or nowhere; it was not read")
        elif not path.is_file():
            return
    except OSError as error:
        # A folder may be listed, and yet have no way into it.
        refusal = _unreadable(path, error)
    yield Source(uri=path.as_uri(), name=name, path=path, refusal=refusal)


def _leads_into(root: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        # A link that leads back to itself.
        return False


def _too_large(path: Path, limit: int) -> SourceRefused:
    return SourceRefused(f"“{printable(path.name)}” is larger than {limit:,} bytes")


def _unreadable(path: Path, error: OSError) -> SourceUnreadable:
    name = printable(path.name[:_SHOWN_CHARS])
    if isinstance(error, PermissionError):
        return SourceUnreadable(f"“{name}” may not be read by Tandem; change its permissions")
    return SourceUnreadable(f"“{name}” could not be read: {error.strerror}")


def printable(name: str) -> str:
    """Python keeps the bytes of a name that is no UTF-8 as surrogates, which can't be stored or printed."""
    return _SURROGATE.sub("\ufffd", name)
