"""Hybrid searches of made-up chunks, each for an audience of a few scopes out of many."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llama_index.core.bridge.pydantic import PrivateAttr

from knowledge.audience import Audience
from knowledge.documents import Passage
from knowledge.embedding import open_embedding
from knowledge.library import Library
from knowledge.settings import KnowledgeSettings
from knowledge.threaded import ThreadedEmbedding
from tests.benchmarks.made_up import MadeUp
from tests.benchmarks.measuring import memory_mb, spread
from tests.benchmarks.opening import opened_library

SEARCHES = 500
WARM_UP = 20
# As many as a search for eight passages asks the index for.
LIMIT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    question: str
    vector: list[float]
    audience: Audience


class Ready(ThreadedEmbedding):
    """A question's vector that is there before it is asked for."""

    _vector: list[float] = PrivateAttr()

    def set(self, vector: list[float]) -> None:
        self._vector = vector

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._vector for _ in texts]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._vector


async def main(home: Path) -> None:
    made_up = MadeUp(seed=2)
    vectors = made_up.vectors(SEARCHES + WARM_UP)
    asked = [Asked(question=made_up.question(), vector=vector, audience=made_up.audience()) for vector in vectors]
    ready = Ready()
    async with opened_library(home, ready) as library:
        figures: dict[str, object] = {**await timed_in_index(library, asked, ready)}
        figures["with_catalogue_and_copies"] = await timed(library.search, asked, ready)
        figures["memory_mb"] = memory_mb("VmRSS")
        figures["memory_without_mapped_files_mb"] = memory_mb("RssAnon")
    async with opened_library(home, open_embedding(KnowledgeSettings())) as library:
        await library.warm_up()
        figures["with_embedding"] = await timed_in_index(library, asked, ready)
    print(json.dumps(figures))


async def timed_in_index(library: Library, asked: Sequence[Asked], ready: Ready) -> dict[str, float]:
    return await timed(partial(library._index.search, limit=LIMIT), asked, ready)


async def timed(
    search: Callable[[str, Audience], Awaitable[list[Passage]]], asked: Sequence[Asked], ready: Ready
) -> dict[str, float]:
    seconds: list[float] = []
    for each in asked:
        ready.set(each.vector)
        began = time.perf_counter()
        found = await search(each.question, each.audience)
        seconds.append(time.perf_counter() - began)
        assert found
        assert all(each.audience.may_read(passage.scope) for passage in found)
    return spread(seconds[WARM_UP:])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
