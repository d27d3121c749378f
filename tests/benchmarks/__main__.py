"""`make bench`: what the README claims about speed and memory, measured in one run and written with the machine's name."""

import argparse
import asyncio
import json
import os
import platform
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import bot, documents, finetuning, odds, selector, swap, training_data
from tests.benchmarks.measuring import in_process


async def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    parser.add_argument(
        "--only",
        choices=["adapters", "bot", "knowledge", "odds", "router", "selector", "training"],
        help="measure one side",
    )
    parser.add_argument("--large", action="store_true", help="search a million chunks too, which takes half an hour")
    parser.add_argument("--small", action="store_true", help="a tenth of everything, to see that it runs")
    options = parser.parse_args()
    figures = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        if options.only in {None, "bot"}:
            figures |= await bot.measure(Path(folder))
        if options.only in {None, "adapters"}:
            figures["adapters"] = await swap.measure(Path(folder))
        if options.only in {None, "knowledge"}:
            figures["knowledge"] = documents.measure(Path(folder), large=options.large, small=options.small)
        if options.only in {None, "router"}:
            figures["router"] = in_process("router", Path(folder), *(["small"] if options.small else []))
        if options.only in {None, "router", "odds"}:
            figures["odds"] = await odds.measure(Path(folder), small=options.small)
        if options.only in {None, "router", "selector"}:
            figures["selector"] = await selector.measure(Path(folder), small=options.small)
        if options.only in {None, "training"}:
            figures["training"] = training_data.measure(Path(folder), small=options.small)
            figures["finetuning"] = finetuning.measure(Path(folder), small=options.small)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


def machine() -> dict:
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    asyncio.run(main())
