"""What a run needs to go on after it was killed, in one file that is always whole."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# safetensors.torch and safe_open are annotated only in part.

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


class Course(BaseModel):
    """How far a run is. `held_out` are pairs of a step and the loss that was measured after it."""

    steps: int = 0
    losses: list[float] = []
    held_out: list[tuple[int, float]] = []
    references: list[list[float]] = []
    held_out_references: list[list[float]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`run` names recipe, data and start: what another run left is not gone on from."""

    path: Path
    run: str

    def write(self, course: Course, tensors: Mapping[str, Tensor]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        incoming = self.path.with_suffix(".incoming")
        told = {"run": self.run, "course": course.model_dump_json()}
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, incoming, metadata=told)
        with incoming.open("rb") as file:
            os.fsync(file.fileno())
        incoming.replace(self.path)

    def read(self) -> tuple[Course, dict[str, Tensor]] | None:
        """None when there is none of this run, or none that can be read: then the run begins anew."""
        try:
            with safe_open(self.path, framework="pt") as file:
                told = file.metadata() or {}
                if told.get("run") != self.run:
                    return None
                tensors = {str(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Course.model_validate_json(told["course"]), tensors
        except (OSError, SafetensorError, ValidationError, KeyError):
            return None

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".incoming").unlink(missing_ok=True)
