"""git, run on a repository that we know nothing of, into a folder that is thrown away.

It is a large program. It gets no configuration, no credentials and no proxy of ours, connects to the one address that
was checked and follows no redirect. It writes no work tree: without one there are no hooks, filters, links or
submodules, and no file's name is ever a path here.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from knowledge.addresses import Place
from knowledge.errors import SourceRefused, SourceTimeout, SourceUnreadable
from knowledge.settings import KnowledgeSettings

# In the shell's units: files in blocks of 512 bytes, memory in KiB.
_LIMITED = 'ulimit -f "$1" && ulimit -v "$2" && shift 2 && exec "$@"'
_BLOCK = 512
_TREE_BYTES = 64 * 1024 * 1024
_ERROR_CHARS = 4_000
# What git says when its helper broke a limit and was stopped before it could say more.
_STOPPED = ("fatal: fetch-pack: invalid index-pack output", "File too large", "out of memory", "Out of memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
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

    async def content(self, object_id: str, *, size: int, name: str) -> bytes:
        limit = self.settings.max_document_bytes
        if size > limit:
            raise SourceRefused(f"“{name}” is larger than {limit:,} bytes")
        try:
            return await self._run("cat-file", "blob", object_id, limit=limit)
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
