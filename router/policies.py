"""Policies as files: kept under a name that never changes its meaning, `name@digest.json`, as numbers and no code."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import from_json

from router.calibration import Calibration
from router.errors import PolicyRefused

POLICY = "policy.json"
_LARGEST_BYTES = 5_000_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,79}@[0-9a-f]{12}")


class Policies:
    def __init__(self, folder: Path) -> None:
        """`folder` is made when the first policy is kept."""
        self._folder = folder

    def keep(self, data: bytes, *, name: str) -> str:
        """Keep a policy's file, checked, and return its `name@digest`. Raises PolicyRefused."""
        checked(data, name)
        kept = f"{name}@{digest(data)}"
        if not _NAME.fullmatch(kept):
            raise PolicyRefused(f"{name} is no name for a policy: use small letters, digits, dots and hyphens")
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".incoming.", delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path(kept))
        return kept

    def read(self, kept: str) -> Calibration:
        """The policy of that `name@digest`. Raises PolicyRefused where it is missing, or no longer what its name says."""
        if not _NAME.fullmatch(kept):
            raise PolicyRefused(f"{kept[:120]!r} is no name of a policy")
        data = read_file(self._path(kept))
        if not kept.endswith(f"@{digest(data)}"):
            raise PolicyRefused(f"The file of policy {kept} was changed since it was kept")
        return checked(data, kept)

    def _path(self, kept: str) -> Path:
        return self._folder / f"{kept}.json"


def read_file(path: Path) -> bytes:
    """Raises PolicyRefused for what is no plain file of a policy's size."""
    try:
        if path.is_symlink() or not path.is_file():
            raise PolicyRefused(f"There is no policy in {path}")
        if path.stat().st_size > _LARGEST_BYTES:
            raise PolicyRefused(f"{path} is larger than any policy")
        return path.read_bytes()
    except OSError as error:
        raise PolicyRefused(f"{path} could not be read") from error


def checked(data: bytes, name: str) -> Calibration:
    try:
        return Calibration.model_validate_json(data)
    except ValidationError as error:
        if _is_fitted(data):
            raise PolicyRefused(
                f"{name} is a policy as tandem route fit writes it: tandem route eval measures it, but it does not decide. "
                "Promoted is what tandem route refit writes, which corrects the odds of the policy that comes with Tandem"
            ) from error
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PolicyRefused(f"{name} is no policy: {where}: {first['msg']}") from error


def _is_fitted(data: bytes) -> bool:
    try:
        return "tandem_policy" in from_json(data)
    except (ValueError, TypeError):
        return False


def digest(data: bytes) -> str:
    """What stands behind the @ of a policy's name."""
    return hashlib.sha256(data).hexdigest()[:12]
