"""A plugin for vLLM: LoRA on the CPU as matrix products.

vLLM's own CPU path gathers an adapter's weights anew for every token, which makes reading a prompt several
times slower than without an adapter, and index -1 ("no adapter") then picks the last slot's weights for rows
of the base model that are decoded beside others. Here each run of rows with one adapter is two products.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU
from vllm.platforms.cpu import CpuPlatform

Run = tuple[int, slice]


def register() -> None:
    """The entry point: vLLM calls it in each of its processes, perhaps more than once."""
    CpuPlatform.get_punica_wrapper = classmethod(lambda _: "tandem_cpu_lora.GroupedPunicaWrapper")


class GroupedPunicaWrapper(PunicaWrapperCPU):
    """The stacked weights are (slots, 1, rank, in) and (slots, 1, out, rank)."""

    token_runs: Sequence[Run] = ()
    sampler_runs: Sequence[Run] = ()

    def update_metadata(self, *args: Any, **kwargs: Any) -> None:
        super().update_metadata(*args, **kwargs)
        self.token_runs = tuple(runs_of(self.token_lora_indices))
        self.sampler_runs = tuple(runs_of(self.sampler_indices))

    def add_lora_linear(  # noqa: PLR0917 - vLLM calls it so
        self,
        y: Tensor,
        x: Tensor,
        lora_a_stacked: Sequence[Tensor],
        lora_b_stacked: Sequence[Tensor],
        scale: float,
        output_slices: Sequence[int],
        **_: Any,
    ) -> None:
        start = 0
        for a, b, width in zip(lora_a_stacked, lora_b_stacked, output_slices, strict=True):
            add_products(_rows(y)[:, start : start + width], _rows(x), a, b, scale, self.token_runs)
            start += width

    def add_lora_logits(
        self, y: Tensor, x: Tensor, lora_a_stacked: Tensor, lora_b_stacked: Tensor, scale: float, **_: Any
    ) -> None:
        add_products(_rows(y), _rows(x), lora_a_stacked, lora_b_stacked, scale, self.sampler_runs)


def runs_of(slots: Tensor) -> Iterator[Run]:
    """Neighbouring rows of one adapter as (slot, rows); rows of the base model, -1, are in no run."""
    values, lengths = torch.unique_consecutive(slots, return_counts=True)
    start = 0
    for slot, length in zip(values.tolist(), lengths.tolist(), strict=True):
        if slot >= 0:
            yield slot, slice(start, start + length)
        start += length


def add_products(  # noqa: PLR0917 - the order of the formula
    y: Tensor, x: Tensor, a: Tensor, b: Tensor, scale: float, runs: Sequence[Run]
) -> None:
    """Add scale * x @ A.T @ B.T to the rows of y, in place. y may be wider than B (padding)."""
    for slot, rows in runs:
        down = a[slot].flatten(0, -2)
        up = b[slot].flatten(0, -2)
        y[rows, : up.shape[0]].addmm_(x[rows].to(down.dtype) @ down.T, up.T.to(y.dtype), alpha=scale)


def _rows(tensor: Tensor) -> Tensor:
    return tensor.view(-1, tensor.shape[-1])
