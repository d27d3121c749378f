"""One process owns an embedded index; another that asks is told who has it."""

import fcntl
import os
import shlex
import sys
from pathlib import Path
from typing import IO

from knowledge.errors import IndexUnavailable


class Ownership:
    """A lock that the system itself lets go of when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Raises IndexUnavailable if another process holds the lock."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = _open_locked(folder / "owner")

    def release(self) -> None:
        self._file.close()


def _open_locked(path: Path) -> IO[str]:
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read(300).strip() or "another process"
        file.close()
        raise IndexUnavailable(f"The document index is in use by {owner}; ask through it, or stop it first") from None
    file.truncate(0)
    command = shlex.join([Path(sys.argv[0]).name or "python", *sys.argv[1:3]])[:100]
    file.write(f"process {os.getpid()} ({command})")
    file.flush()
    return file
