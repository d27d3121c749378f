"""Policies as files: kept under a name that never changes its meaning, `name@digest.json`, as numbers and no code."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from router.calibration import KEPT_NAME, Calibration
from router.datasets.examples import Arm
from router.errors import PolicyRefused, PolicyUnreadable
from router.learned.arms import ArmsPolicy
from router.learned.encoding import figure_names
from router.learned.policy_file import parse_policy
from router.validation import first_fault

POLICY = "policy.json"
_LARGEST_BYTES = 20_000_000
_NAME = re.compile(KEPT_NAME)
# A key of what was fitted, which no correction may have: looked for as bytes, so that a large file is parsed once.
_FITTED = b'"tandem_policy"'


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedArms:
    """What tandem route fit writes; `embedding` names the model whose vectors it weighs, empty where it weighs none."""

    policy: ArmsPolicy
    embedding: str


# The corrections of a refit, or arms that were fitted on examples.
KeptPolicy = Calibration | FittedArms


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

    def read(self, kept: str) -> KeptPolicy:
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
        if path.is_symlink():
            raise PolicyRefused(f"There is no policy in {path}: it is a link")
        if not path.is_file():
            raise PolicyRefused(f"There is no policy in {path}")
        if path.stat().st_size > _LARGEST_BYTES:
            raise PolicyRefused(f"{path} is larger than any policy")
        return path.read_bytes()
    except OSError as error:
        raise PolicyRefused(f"{path} could not be read") from error


def checked(data: bytes, name: str) -> KeptPolicy:
    """Raises PolicyRefused."""
    if _FITTED in data:
        return _arms(data, name)
    try:
        found = Calibration.model_validate_json(data)
    except ValidationError as error:
        raise PolicyRefused(f"{name} is no policy: {first_fault(error, whole='the file')}") from error
    if not found.model_fields_set:
        raise PolicyRefused(f"{name} is no policy: it holds nothing")
    return found


def _arms(data: bytes, name: str) -> FittedArms:
    try:
        file = parse_policy(data, name)
    except PolicyUnreadable as error:
        raise PolicyRefused(str(error)) from error
    if not isinstance(file.policy, ArmsPolicy):
        raise PolicyRefused(
            f"{name} was fitted on labels: tandem route eval measures it, but it does not decide. What decides is fitted "
            "on questions with none, single and multi"
        )
    if Arm.NONE not in file.policy.arms:
        raise PolicyRefused(f"{name} does not say how likely an answer from memory is: its examples lack none")
    if unknown := sorted(set(file.policy.encoder.figures) - figure_names()):
        raise PolicyRefused(f"{name} weighs {unknown[0]}, which this version of Tandem does not read")
    return FittedArms(policy=file.policy, embedding=file.embedding)


def digest(data: bytes) -> str:
    """What stands behind the @ of a policy's name."""
    return hashlib.sha256(data).hexdigest()[:12]
