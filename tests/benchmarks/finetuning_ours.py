"""The rows through our loop."""

import json
import sys
import time
from pathlib import Path

from tests.benchmarks.finetuning_start import MODELS, RECIPE, read_rows
from tests.benchmarks.measuring import memory_mb
from training.base_model import load_base
from training.loop import Loop
from training.lora import add_adapter


def main(folder: Path) -> None:
    rows = read_rows(folder)
    model = add_adapter(load_base(RECIPE.base_model, MODELS), RECIPE, beside=folder)
    loop = Loop(model, rows, RECIPE)
    began, cpu = time.perf_counter(), time.process_time()
    course = loop.run()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    tokens = sum(row.tokens for row in rows)
    print(
        json.dumps(
            {
                "tokens": tokens,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(cpu_seconds, 1),
                "tokens_per_s": round(tokens / seconds, 1),
                "memory_peak_mb": memory_mb(),
                "losses": [round(loss, 4) for loss in course.losses],
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
