"""The documents in a git repository, read from a shallow copy that is thrown away.

git is a large program that meets a server we know nothing of. It gets no configuration, no credentials and no proxy of
ours, connects to the one address that was checked and follows no redirect. It writes no work tree: without one there
are no hooks, filters, links or submodules, and no file's name is ever a path here.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlsplit

from knowledge.addresses import Place, parse_place
from knowledge.errors import SourceError, SourceGone, SourceNotFound, SourceRefused, SourceTimeout, SourceUnreadable
from knowledge.fetching import Fetcher
from knowledge.kinds import is_archive, kind_of
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Content, Source, printable

_ADVERTISEMENT = "/info/refs?service=git-upload-pack"
_ADVERTISED = "application/x-git-upload-pack-advertisement"
# In the shell's units: files in blocks of 512 bytes, memory in KiB.
_LIMITED = 'ulimit -f "$1" && ulimit -v "$2" && shift 2 && exec "$@"'
_BLOCK = 512
_TREE_BYTES = 64 * 1024 * 1024
_REGULAR = frozenset({b"100644", b"100755", b"100664"})
_ERROR_CHARS = 4_000
_NO_REPOSITORY = "There is no git repository at this address, or it is not open to everyone"
# What git says when its helper broke a limit and was stopped before it could say more.
_STOPPED = ("fatal: fetch-pack: invalid index-pack output", "File too large", "out of memory", "Out of memory")


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
        git = _Git(folder=Path(folder), place=place, address=address, settings=settings)
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
                yield Source(uri=link, name=name, content=Content(data=await git.content(file, name)))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Git:
    folder: Path
    place: Place
    address: str
    settings: KnowledgeSettings

    async def clone(self) -> None:
        clone = ("clone", "--quiet", "--bare", "--depth=1", "--single-branch", "--no-tags", "--template=")
        try:
            await self._run(*clone, "--", self.place.url, str(self._copy), limit=0)
        except _GitFailed as failed:
            if failed.said.startswith(_STOPPED):
                most = self.settings.place_max_bytes
                raise SourceRefused(
                    f"The repository is larger than {most:,} bytes, or needs too much memory to copy"
                ) from None
            raise SourceUnreadable("The repository could not be copied from its server") from failed

    async def files(self) -> bytes:
        try:
            return await self._run("ls-tree", "-r", "-l", "-z", "HEAD", limit=_TREE_BYTES)
        except _GitFailed as failed:
            raise SourceUnreadable("The repository is empty, or damaged") from failed

    async def content(self, file: _File, name: str) -> bytes:
        limit = self.settings.max_document_bytes
        if file.size > limit:
            raise SourceRefused(f"“{name}” is larger than {limit:,} bytes")
        try:
            return await self._run("cat-file", "blob", file.object_id, limit=limit)
        except _GitFailed as failed:
            raise SourceUnreadable(f"“{name}” is damaged in the repository") from failed

    @property
    def _copy(self) -> Path:
        return self.folder / "copy"

    async def _run(self, *command: str, limit: int) -> bytes:
        """What git prints, which is at most `limit` bytes. Raises _GitFailed, SourceTimeout or SourceRefused."""
        said = self.folder / "said"
        with said.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", _LIMITED, "sh", *self._limits(), *self._git(), *command),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=errors,
                cwd=self.folder,
                env=self._environment(),
                # Its helpers end with it.
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(self.settings.repository_timeout_s):
                printed = await _read_within(process, limit)
                status = await process.wait()
        except TimeoutError:
            raise SourceTimeout(
                f"The repository took longer to read than {self.settings.repository_timeout_s:g} seconds"
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if status:
            raise _GitFailed(said.read_bytes()[:_ERROR_CHARS].decode(errors="replace"))
        return printed

    def _limits(self) -> tuple[str, str]:
        return str(self.settings.place_max_bytes // _BLOCK + 1), str(self.settings.parse_memory_mb * 1024)

    def _git(self) -> Iterator[str]:
        program = shutil.which("git")
        if program is None:
            raise SourceUnreadable("git is missing where Tandem runs; ask an administrator to install it")
        address = f"[{self.address}]" if ":" in self.address else self.address
        yield program
        if self._copy.exists():
            yield f"--git-dir={self._copy}"
        for setting in (
            # A name that is resolved again could lead elsewhere.
            f"http.curloptResolve={self.place.host}:{self.place.port}:{address}",
            "http.followRedirects=false",
            "http.proxy=",
            "protocol.allow=never",
            f"protocol.{self.place.scheme}.allow=always",
            "credential.helper=",
            "core.askPass=",
            "core.hooksPath=/dev/null",
            # One file for all that is sent, so that the limit on a file's size bounds it.
            "fetch.unpackLimit=1",
            "transfer.bundleURI=false",
            # Each thread takes address space, of which there is a limit.
            "pack.threads=1",
            "gc.auto=0",
            "maintenance.auto=false",
        ):
            yield from ("-c", setting)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "LANGUAGE": "en",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
        }


class _GitFailed(Exception):
    """What git said, which is for programs."""

    @property
    def said(self) -> str:
        return str(self)


async def _read_within(process: asyncio.subprocess.Process, limit: int) -> bytes:
    data = bytearray()
    if process.stdout is not None:
        while piece := await process.stdout.read(64 * 1024):
            data += piece
            if len(data) > limit:
                raise SourceRefused("The repository holds more files than Tandem looks through")
    return bytes(data)


def _documents(tree: bytes) -> Iterator[_File]:
    """Of git's list, the regular files that are read. A link's target is read where it stands itself."""
    for line in tree.split(b"\0"):
        about, _, path = line.partition(b"\t")
        fields = about.split()
        parts = os.fsdecode(path).split("/")
        if len(fields) != 4 or fields[0] not in _REGULAR:  # noqa: PLR2004 — mode, type, object, size
            continue
        is_hidden = any(part.startswith(".") for part in parts)
        if not is_hidden and (kind_of(parts[-1]) is not None or is_archive(parts[-1])):
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
