"""The trainer: our loop against TRL's SFTTrainer as it comes, on the same rows in the same order, from the same start.

Each runs in a process of its own. `seconds` are those of the steps alone; `cpu_seconds` are of all cores, and tell the work
apart from how busy the machine was with other things.
"""

from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import in_process

STEPS = 12


def measure(folder: Path, *, small: bool) -> dict[str, Any]:
    steps = 3 if small else STEPS
    in_process("finetuning_start", folder / "finetuning", steps)
    ours = in_process("finetuning_ours", folder / "finetuning")
    figures: dict[str, Any] = {"tandem": ours}
    for precision in ("float32", "autocast"):
        stock = in_process("finetuning_stock", folder / "finetuning", precision)
        figures[f"trl_{precision}"] = stock
        figures[f"times_as_fast_as_{precision}"] = round(ours["tokens_per_s"] / stock["tokens_per_s"], 2)
        figures[f"times_as_fast_as_{precision}_by_cpu"] = round(stock["cpu_seconds"] / ours["cpu_seconds"], 2)
        figures[f"loss_differs_from_{precision}"] = round(differs(ours["losses"], stock["losses"]), 4)
    return figures


def differs(ours: list[float], theirs: list[float]) -> float:
    """The largest share by which two curves differ at the same step."""
    return max(abs(one - other) / other for one, other in zip(ours, theirs, strict=True))
