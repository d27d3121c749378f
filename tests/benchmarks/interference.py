"""How much longer a search takes while documents come in."""

import asyncio
import json
import sys
import time
from pathlib import Path

from knowledge.audience import EVERYONE
from knowledge.library import Library
from tests.benchmarks.measuring import spread
from tests.benchmarks.opening import opened_library

QUESTIONS = [f"{asked} {about}?" for asked in ("How do I ask for", "Who approves", "What are the rules for") for about in (
    "parental leave", "a new laptop", "travel expenses", "working from abroad", "a training course", "sick days",
    "overtime", "a conference talk", "access to the network", "a promotion", "remote work", "holiday pay",
)]  # fmt: skip
IDLE_SEARCHES = 200
# People ask when they like; back to back, the searches would be an ingest's rival rather than its guests.
PAUSE_S = 0.05


async def main(pages: Path, home: Path) -> None:
    async with opened_library(home) as library:
        await library.warm_up()
        names = sorted(path for path in pages.rglob("*") if path.is_file())
        first = linked(names[::2], home / "first")
        second = linked(names[1::2], home / "second")
        await ingest(library, first)
        idle = [await timed_search(library, number) for number in range(IDLE_SEARCHES)]
        coming_in = asyncio.create_task(ingest(library, second))
        busy: list[float] = []
        while not coming_in.done():
            busy.append(await timed_search(library, len(busy)))
        await coming_in
    figures = {"idle": spread(idle), "during": spread(busy), "searches_during": len(busy)}
    ratio = figures["during"]["p95_ms"] / figures["idle"]["p95_ms"]
    print(json.dumps(figures | {"p95_times_idle": round(ratio, 2)}))


def linked(files: list[Path], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number, file in enumerate(files):
        (folder / f"{number:03}-{file.name}").write_bytes(file.read_bytes())
    return folder


async def ingest(library: Library, folder: Path) -> None:
    async for _ in library.ingest(str(folder), "public"):
        pass


async def timed_search(library: Library, number: int) -> float:
    await asyncio.sleep(PAUSE_S)
    began = time.perf_counter()
    found = await library.search(QUESTIONS[number % len(QUESTIONS)], EVERYONE)
    seconds = time.perf_counter() - began
    assert found
    return seconds


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
