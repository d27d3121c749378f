"""A folder taken in as `tandem ingest` does it, and once more unchanged."""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

from knowledge.library import Library
from tests.benchmarks.measuring import memory_mb
from tests.benchmarks.opening import opened_library


async def main(pages: Path, home: Path) -> None:
    async with opened_library(home) as library:
        # Both sides have their model loaded before the clock starts.
        await library.warm_up()
        seconds, statuses, chunks = await timed_ingest(library, pages)
        assert statuses["added"] > 0.9 * statuses.total(), statuses
        again_seconds, again, _ = await timed_ingest(library, pages)
        assert again["unchanged"] == statuses["added"], again
    print(
        json.dumps(
            {
                "documents": statuses["added"],
                "chunks": chunks,
                "seconds": round(seconds, 2),
                "unchanged_seconds": round(again_seconds, 3),
                "memory_peak_mb": memory_mb(),
            }
        )
    )


async def timed_ingest(library: Library, pages: Path) -> tuple[float, Counter[str], int]:
    statuses: Counter[str] = Counter()
    chunks = 0
    began = time.perf_counter()
    async for result in library.ingest(str(pages), "public"):
        statuses[result.status] += 1
        chunks += result.chunks
    return time.perf_counter() - began, statuses, chunks


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
