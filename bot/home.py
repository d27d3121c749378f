"""The one folder that holds all state, and who may look into it."""

from contextlib import suppress
from pathlib import Path

_THROUGH_ONLY = 0o711
_OTHERS = 0o077
# What people wrote, and what stands for it. `model` and `adapters` are not among them: a model server may be another user's.
_PRIVATE = (
    "tandem.db*",
    "durable.db*",
    "corrections",
    "exports",
    "forgetting",
    "index",
    "logs",
    "nights",
    "run",
    "workspace",
)


def prepare_home(home: Path) -> None:
    """Make the folder where there is none, and close what is private in it to other users of the host.

    A new folder lets others through to what is open below it, but not look around. One that is there keeps its mode:
    it may hold more than ours.
    """
    if not home.exists():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(_THROUGH_ONLY)
    for pattern in _PRIVATE:
        for place in home.glob(pattern):
            mode = place.stat().st_mode
            if mode & _OTHERS:
                with suppress(PermissionError):  # another user's, and theirs to close
                    place.chmod(mode & ~_OTHERS & 0o7777)
