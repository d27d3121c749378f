"""Adapters as folders: what may be served, and where it is kept under a name that never changes its meaning."""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from router.know_how import KNOW_HOW
from router.validation import first_fault
from router.withdrawn import WITHDRAWN_SAYS, is_withdrawn
from training.canaries import Canary, read_canaries
from training.errors import AdapterRefused, RecipeInvalid
from training.lineage import LINEAGE
from training.recipe import MAX_RANK, read_recipe
from training.weights import shapes_of

ADAPTERS = "adapters"
"""The folder below TANDEM_HOME that holds them."""
REPLAY = "replay"
"""The one that holds what adapters say to general messages, in a file of each one's name."""
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
CANARIES = "canaries.json"
RECIPE = "recipe.yaml"
METRICS = "metrics.json"
_KEPT = (WEIGHTS, CONFIG, CANARIES, RECIPE, METRICS, KNOW_HOW, LINEAGE)
_LARGEST_BYTES = 2_000_000_000
# vLLM refuses these, or serves the base model's answers without a word.
_PLAIN_STARTS = (True, False, "gaussian", "eva", "orthogonal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter in its place. `id` is `name@digest`; the same id is the same weights for ever.

    It `is_new` where it was not kept before.
    """

    name: str
    digest: str
    path: Path
    base: str
    rank: int
    canaries: tuple[Canary, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_new: bool = field(default=False, compare=False)

    @property
    def id(self) -> str:
        return f"{self.name}@{self.digest}"


class _Config(BaseModel):
    """What peft writes into adapter_config.json, as far as it decides whether vLLM can serve the adapter."""

    model_config = ConfigDict(extra="ignore")

    peft_type: str
    base_model_name_or_path: str = Field(min_length=1)
    r: int = Field(ge=1)
    rank_pattern: dict[str, int] = {}
    bias: str = "none"
    lora_bias: bool = False
    use_dora: bool = False
    modules_to_save: list[str] | None = None
    init_lora_weights: bool | str | None = True


def keep(directory: Path, home: Path, *, max_rank: int = MAX_RANK) -> Adapter:
    """Copy an adapter to `home`/adapters/`name@digest`, checked; the same adapter again is the same folder.

    Its canaries may be written anew, and a file of it that was damaged since is replaced. Raises AdapterRefused for
    anything but a plain LoRA adapter in safetensors of at most `max_rank`, with canaries, and for one that was withdrawn.
    """
    folder = home / ADAPTERS
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    staging = Path(tempfile.mkdtemp(prefix=".incoming.", dir=folder))
    try:
        # What is checked is the copy: the original may change under our eyes.
        _copy(directory, staging)
        adapter = _checked(staging, directory, max_rank)
        place = folder / adapter.id
        if is_withdrawn(place):
            raise AdapterRefused(f"{adapter.id} was {WITHDRAWN_SAYS}")
        staging.chmod(0o755)
        is_new = True
        try:
            os.replace(staging, place)  # noqa: PTH105 - a full folder is not overwritten but refused
        except OSError:
            if not place.is_dir():
                raise
            is_new = False
            _renew(place, staging)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return replace(adapter, path=place.absolute(), is_new=is_new)


def is_same_adapter(folder: Path, other: Path) -> bool:
    """Whether both hold the same weights in the same shape."""
    return all(_is_same(folder / name, other / name) for name in (CONFIG, WEIGHTS))


def _copy(directory: Path, staging: Path) -> None:
    # The model server may be another user's. It need not know whose words these were, nor what they asked.
    private = {LINEAGE, KNOW_HOW} if _is_ours_alone(staging.parent) else {LINEAGE}
    if not directory.is_dir():
        raise AdapterRefused(f"There is no adapter in {directory}: name the folder that tandem train wrote")
    for path in sorted(directory.iterdir()):
        _refuse_strange(path)
        if path.name in _KEPT:
            shutil.copyfile(path, staging / path.name, follow_symlinks=False)
            (staging / path.name).chmod(0o600 if path.name in private else 0o644)  # whatever the umask
    for needed in (WEIGHTS, CONFIG):
        if not (staging / needed).is_file():
            raise AdapterRefused(f"{directory} holds no {needed}")


def _is_ours_alone(folder: Path) -> bool:
    """Whether the bot is surely this user too: it writes here, and reads what an adapter was taught."""
    status = folder.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _refuse_strange(path: Path) -> None:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise AdapterRefused(f"{path.name} is a link: an adapter holds its own files")
    if path.suffix in {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}:
        raise AdapterRefused(f"{path.name} is a pickle, which runs code when it is read: save as safetensors")
    if status.st_size > _LARGEST_BYTES:
        raise AdapterRefused(f"{path.name} is larger than any adapter that Tandem serves")


def _checked(staging: Path, directory: Path, max_rank: int) -> Adapter:
    config = _read_config(staging / CONFIG)
    rank = max([config.r, *config.rank_pattern.values()])
    if rank > max_rank:
        raise AdapterRefused(f"The adapter's rank is {rank}, and the model server takes up to {max_rank}")
    _check_weights(staging / WEIGHTS, rank)
    return Adapter(
        name=_name(staging, directory),
        digest=_digest(staging),
        path=staging,
        base=config.base_model_name_or_path,
        rank=rank,
        canaries=tuple(read_canaries(staging / CANARIES)),
        metrics=_metrics(staging / METRICS),
    )


def _read_config(path: Path) -> _Config:
    try:
        config = _Config.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise AdapterRefused(f"{CONFIG} is not peft's: {first_fault(error, whole='the file')}") from error
    refusals = {
        "it is no LoRA adapter": config.peft_type != "LORA",
        "it is a DoRA adapter, which vLLM does not serve": config.use_dora,
        "it has biases, which vLLM does not serve": config.lora_bias or config.bias != "none",
        "it replaces whole modules, which vLLM does not serve": bool(config.modules_to_save),
        "it changes the base weights at its start": config.init_lora_weights not in (*_PLAIN_STARTS, None),
    }
    for reason, applies in refusals.items():
        if applies:
            raise AdapterRefused(f"The adapter is refused: {reason}")
    return config


def _check_weights(path: Path, rank: int) -> None:
    shapes = shapes_of(path)
    if not shapes:
        raise AdapterRefused(f"{WEIGHTS} holds no weights")
    for name, shape in shapes.items():
        narrow = shape[:1] if name.endswith(".lora_A.weight") else shape[1:]
        if not name.endswith((".lora_A.weight", ".lora_B.weight")) or len(shape) != 2 or narrow[0] > rank:  # noqa: PLR2004
            raise AdapterRefused(
                f"{WEIGHTS} holds {name[:120]} of shape {list(shape)}, which is no LoRA weight of this rank"
            )


def _name(staging: Path, directory: Path) -> str:
    if (staging / RECIPE).is_file():
        try:
            return read_recipe(staging / RECIPE).name
        except RecipeInvalid as error:
            raise AdapterRefused(f"{RECIPE} in {directory} is not a recipe") from error
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in directory.resolve().name.lower())
    return kept.strip("-")[:40] or "adapter"


def _digest(staging: Path) -> str:
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        digest.update(_sha256(staging / name))
    return digest.hexdigest()[:12]


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _metrics(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        return _METRICS.validate_json(path.read_bytes())
    except ValidationError as error:
        raise AdapterRefused(f"{METRICS} is not a JSON object") from error


def _renew(place: Path, staging: Path) -> None:
    """File by file, each at once and only where it differs: a model server may be reading the folder."""
    for name in (CONFIG, WEIGHTS):
        if not _is_same(place / name, staging / name):
            (staging / name).replace(place / name)
    for name in (CANARIES, KNOW_HOW, LINEAGE):
        if (staging / name).is_file():
            (staging / name).replace(place / name)


def _is_same(kept: Path, given: Path) -> bool:
    return kept.is_file() and not kept.is_symlink() and _sha256(kept) == _sha256(given)


_METRICS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
