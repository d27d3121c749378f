"""The processes that train together, one a device, as `accelerate launch` starts them; else this one by itself."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# accelerate and torch.distributed are annotated only in part.

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from torch import Tensor, distributed

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Each takes every `count`-th row of a step, and the gradients are added up: what one process would compute."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and reports."""
        return self.rank == 0

    def share(self, rows: Sequence[_T]) -> Sequence[_T]:
        return rows[self.rank :: self.count]

    def gather(self, mine: Sequence[_T]) -> list[_T]:
        """What all made of their shares, in the order of the rows that were shared out."""
        if self.count == 1:
            return list(mine)
        shares: list[Any] = [None] * self.count
        distributed.all_gather_object(shares, list(mine))
        rows = sum(len(share) for share in shares)
        return [shares[place % self.count][place // self.count] for place in range(rows)]

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """In place, the sum over all processes."""
        if self.count > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            distributed.barrier()


def our_processes() -> Processes:
    """As the environment says that this process was launched."""
    state = PartialState(cpu=not torch.cuda.is_available())
    return Processes(rank=state.process_index, count=state.num_processes, device=torch.device(state.device or "cpu"))
