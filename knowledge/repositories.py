"""The documents in a git repository, read from a shallow copy that is thrown away."""

import os
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlsplit

from knowledge.addresses import Place, parse_place
from knowledge.errors import SourceError, SourceGone, SourceNotFound, SourceRefused
from knowledge.fetching import Fetcher
from knowledge.git import Git
from knowledge.kinds import is_archive, kind_among_others
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Content, Source, printable

_ADVERTISEMENT = "/info/refs?service=git-upload-pack"
_ADVERTISED = "application/x-git-upload-pack-advertisement"
_REGULAR = frozenset({b"100644", b"100755", b"100664"})
_NO_REPOSITORY = "There is no git repository at this address, or it is not open to everyone"


def is_repository(place: str) -> bool:
    """Whether it is the address of a repository: one that ends in .git."""
    return "://" in place and urlsplit(place.partition("#")[0]).path.rstrip("/").endswith(".git")


async def repository_sources(
    url: str, *, fetcher: Fetcher, settings: KnowledgeSettings, holding: str = ""
) -> AsyncGenerator[Source]:
    """The documents of its default branch with their content; what is hidden or of other kinds is left out.

    With `holding`, only the one with this link, or the archive in which the link leads to a file; SourceGone without it.
    Raises SourceError where there is no repository, or it is too large or too slow.
    """
    place, address = await _find(url, fetcher, settings)
    if not holding.startswith(_link(place, b"") if holding else ""):
        raise SourceNotFound(f"The repository has moved to {place.url}; take it in from there")
    # What a git that is being killed still writes must not hide why it was killed.
    with TemporaryDirectory(prefix="tandem-repository-", ignore_cleanup_errors=True) as folder:
        git = Git(folder=Path(folder), place=place, address=address, settings=settings)
        await git.clone()
        listed = _documents(await git.files())
        files = [file for file in listed if not holding or f"{holding}#".startswith(f"{_link(place, file.path)}#")]
        if holding and not files:
            raise SourceGone("It is no longer in its repository")
        most = settings.place_max_documents
        for file in files[:most]:
            link = _link(place, file.path)
            name = printable(PurePosixPath(os.fsdecode(file.path)).name)
            try:
                yield Source(
                    uri=link,
                    name=name,
                    content=Content(data=await git.content(file.object_id, size=file.size, name=name)),
                )
            except SourceError as error:
                yield Source(uri=link, name=name, refusal=error)
        if len(files) > most:
            why = f"The repository holds more than {most:,} documents; the rest was not read"
            yield Source(uri=place.url, name=_name(place), refusal=SourceRefused(why), is_rest=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: bytes
    object_id: str
    size: int


async def _find(url: str, fetcher: Fetcher, settings: KnowledgeSettings) -> tuple[Place, str]:
    """Where the repository is, redirects followed, and the address to connect to."""
    asked = parse_place(url, settings.fetch_allow_hosts)
    _check_scheme(asked)
    try:
        page = await fetcher.fetch(f"{asked.url.rstrip('/')}{_ADVERTISEMENT}")
    except SourceGone:
        # It may be closed to us: that says nothing of a document that it held.
        raise SourceNotFound(_NO_REPOSITORY) from None
    if page.content_type != _ADVERTISED or not page.url.endswith(_ADVERTISEMENT):
        raise SourceNotFound(_NO_REPOSITORY)
    place, address = await fetcher.locate(page.url.removesuffix(_ADVERTISEMENT))
    _check_scheme(place)
    return place, address


def _check_scheme(place: Place) -> None:
    # Within a company there may be no certificates; an administrator has named such a host.
    if place.scheme != "https" and not place.is_named_by_admin:
        raise SourceRefused("A repository is read only from an address that begins with https://")


def _documents(tree: bytes) -> Iterator[_File]:
    """Of git's list, the regular files that are read. A link's target is read where it stands itself."""
    for line in tree.split(b"\0"):
        about, _, path = line.partition(b"\t")
        fields = about.split()
        parts = os.fsdecode(path).split("/")
        if len(fields) != 4 or fields[0] not in _REGULAR:  # noqa: PLR2004 — mode, type, object, size
            continue
        is_hidden = any(part.startswith(".") for part in parts)
        if not is_hidden and (kind_among_others(parts[-1]) is not None or is_archive(parts[-1])):
            yield _File(path=path, object_id=fields[2].decode(), size=int(fields[3]))


def _link(place: Place, path: bytes) -> str:
    """Where people read the file: its page on the host, or the repository's address with the path as the fragment."""
    base = place.url.removesuffix(".git")
    if place.host == "github.com":
        return f"{base}/blob/HEAD/{quote(path)}"
    if "gitlab" in place.host.split("."):
        return f"{base}/-/blob/HEAD/{quote(path)}"
    return f"{place.url}#{quote(path)}"


def _name(place: Place) -> str:
    return PurePosixPath(urlsplit(place.url).path).name
