"""The documents side: each measurement in a process of its own, so that none finds another's memory or warm caches."""

import os
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import in_process

DATA = Path(os.environ.get("TANDEM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
SIZES = (10_000, 100_000)
LARGE = 1_000_000
# Beyond it, qdrant-client's local mode takes minutes to fill and seconds to search.
MOST_IN_LOCAL_MODE = 100_000
STREAMED = (1_000, 5_000, 10_000)


def measure(folder: Path, *, large: bool, small: bool) -> dict[str, Any]:
    part = 10 if small else 1
    sizes = [size // part for size in (*SIZES, *([LARGE] if large else []))]
    pages = DATA / "team-handbook" / "pages"
    figures: dict[str, Any] = {}
    if pages.is_dir():
        figures["ingest"] = ingest(pages, folder)
        figures["search_during_ingest"] = in_process("interference", pages, folder / "interference")
    else:
        print(f"{pages} is not here: set TANDEM_DATA to measure the ingest", file=sys.stderr)
    figures["search"] = {f"{size:,} chunks": search(size, folder) for size in sizes}
    figures["streaming"] = in_process("streaming", folder / "streaming", *(count // part for count in STREAMED))
    return figures


def ingest(pages: Path, folder: Path) -> dict[str, Any]:
    """A folder of Markdown, against what LlamaIndex does with it as it comes."""
    stock = in_process("stock", pages, folder / "stock")
    tandem = in_process("ingest", pages, folder / "ingest")
    return {
        "tandem": tandem,
        "llama_index": stock,
        "times_as_fast_as_llama_index": round(stock["seconds"] / tandem["seconds"], 2),
        "times_as_fast_unchanged": round(tandem["seconds"] / tandem["unchanged_seconds"], 1),
    }


def search(size: int, folder: Path) -> dict[str, Any]:
    where = folder / f"search-{size}"
    figures = {"build": in_process("search_build", size, where), "tandem": in_process("search", where)}
    if size <= MOST_IN_LOCAL_MODE:
        local = in_process("search_local", size)
        figures["qdrant_client_local_mode"] = local
        figures["times_as_fast_as_local_mode"] = round(local["p50_ms"] / figures["tandem"]["p50_ms"], 1)
    return figures
