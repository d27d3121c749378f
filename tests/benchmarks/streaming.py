"""Memory while documents stream in: small Markdown files, the real parser and index, made-up vectors."""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from knowledge.threaded import ThreadedEmbedding
from tests.benchmarks.made_up import DIMENSIONS, MadeUp
from tests.benchmarks.measuring import memory_mb
from tests.benchmarks.opening import opened_library

SECTIONS = 2
WORDS_OF_A_SECTION = 80


class Hashed(ThreadedEmbedding):
    """A vector drawn from the text's hash: as large as a model's, and there at once."""

    def count_tokens(self, text: str) -> int:
        return 2 * len(text.split())

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        seeds = (int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts)
        vectors = np.array([np.random.default_rng(seed).normal(size=DIMENSIONS) for seed in seeds])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).tolist()


async def main(home: Path, *counts: int) -> None:
    pages = home / "pages"
    pages.mkdir(parents=True)
    made_up = MadeUp(seed=3)
    for number in range(max(counts)):
        sections = [f"## Part {part}\n\n{made_up.text(WORDS_OF_A_SECTION)}\n" for part in range(SECTIONS)]
        (pages / f"{number:05}.md").write_text("\n".join([f"# Page {number}\n", *sections]))
    del made_up
    curve = []
    async with opened_library(home, Hashed()) as library:
        began = time.perf_counter()
        taken_in = 0
        async for result in library.ingest(str(pages), "public"):
            assert result.status == "added", result
            taken_in += 1
            if taken_in in counts:
                passed = round(time.perf_counter() - began, 1)
                curve.append(
                    {
                        "documents": taken_in,
                        "memory_peak_mb": memory_mb(),
                        "memory_without_mapped_files_mb": memory_mb("RssAnon"),
                        "seconds": passed,
                    }
                )
    print(
        json.dumps(
            {
                "embedding": "made up",
                "curve": curve,
                "times_the_first": round(curve[-1]["memory_peak_mb"] / curve[0]["memory_peak_mb"], 2),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
