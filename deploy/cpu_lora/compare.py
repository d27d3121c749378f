"""Run by .venv-model's Python: LoRA products of the plugin against vLLM's own, on random weights.

Prints one JSON object: the largest difference by case, and how much faster a prompt is read.
"""

import json
import time
from types import SimpleNamespace

import torch
from tandem_cpu_lora import GroupedPunicaWrapper
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

SLOTS, RANK, WIDTH = 3, 16, 576
SLICES = (576, 192, 192)
CASES = {
    "one adapter": [1] * 40,
    "two adapters": [1] * 20 + [2] * 20,
    "two adapters in turn": [1, 2] * 20,
}


def product(kind: type, x: torch.Tensor, tokens: list[int], *, reads_prompt: bool) -> tuple[torch.Tensor, float]:
    wrapper = kind(max_num_batched_tokens=1024, max_batches=1024, device="cpu", max_loras=SLOTS)
    mapping = SimpleNamespace(index_mapping=tokens, prompt_mapping=tokens, is_prefill=reads_prompt)
    wrapper.update_metadata(mapping, [1, 2, 3], SLOTS, 49152)
    torch.manual_seed(1)
    a = tuple(torch.randn(SLOTS, 1, RANK, WIDTH) for _ in SLICES)
    b = tuple(torch.randn(SLOTS, 1, width, RANK) for width in SLICES)
    y = torch.zeros(len(tokens), sum(SLICES))
    started = time.perf_counter()
    wrapper.add_lora_linear(y, x, a, b, 0.5, SLICES)
    return y, time.perf_counter() - started


def difference(tokens: list[int], *, reads_prompt: bool) -> float:
    x = torch.randn(len(tokens), WIDTH)
    ours, _ = product(GroupedPunicaWrapper, x, tokens, reads_prompt=reads_prompt)
    theirs, _ = product(PunicaWrapperCPU, x, tokens, reads_prompt=reads_prompt)
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def main() -> None:
    found = {
        f"{name}, {'prompt' if reads else 'answer'}": difference(tokens, reads_prompt=reads)
        for name, tokens in CASES.items()
        for reads in (True, False)
    }
    mixed, _ = product(GroupedPunicaWrapper, torch.randn(3, WIDTH), [0, 3, 0], reads_prompt=False)
    prompt = torch.randn(512, WIDTH)
    times = {
        kind: min(product(kind, prompt, [1] * 512, reads_prompt=True)[1] for _ in range(3))
        for kind in (GroupedPunicaWrapper, PunicaWrapperCPU)
    }
    told = {
        "difference": found,
        "base rows changed": mixed[[0, 2]].abs().max().item(),
        "adapter's row changed": mixed[1].abs().max().item(),
        "times as fast": times[PunicaWrapperCPU] / times[GroupedPunicaWrapper],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
