"""A search: the index asked, what is not current dropped, scored again, copies collapsed, neighbours joined."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from knowledge.audience import Audience
from knowledge.catalogue import Catalogue
from knowledge.documents import Passage
from knowledge.duplicates import collapse
from knowledge.filters import SearchFilter
from knowledge.freshness import favour_new
from knowledge.neighbours import neighbours_of, widen
from knowledge.rerank import Reranker
from knowledge.settings import KnowledgeSettings

if TYPE_CHECKING:
    from knowledge.opening import ServingIndex

# The embedding model reads 256 tokens; more only costs time.
_QUERY_CHARS = 2000
# More hits than asked for, since those of versions that no longer answer are dropped.
_SPARE_HITS = 8
# Where those fill all of them, as after a large document's killed run, one more search goes this far.
_MOST_HITS = 400
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_HAS_WORD = re.compile(r"\w")


class Searcher:
    def __init__(
        self,
        *,
        index: "ServingIndex",
        catalogue: Catalogue,
        settings: KnowledgeSettings,
        reranker: Reranker | None = None,
    ) -> None:
        self._index = index
        self._catalogue = catalogue
        self._settings = settings
        self._reranker = reranker

    async def search(
        self, query: str, audience: Audience, *, limit: int, widen_to: int, only: SearchFilter
    ) -> list[Passage]:
        """As `Library.search`."""
        text = _CONTROL.sub(" ", query[:_QUERY_CHARS]).strip()
        if not audience.scopes or not _HAS_WORD.search(text) or limit < 1:
            return []
        wanted = limit + _SPARE_HITS
        if self._reranker is not None:
            wanted = max(wanted, self._settings.rerank_hits)
        different, are_all = await self._different(text, audience, only, wanted)
        if len(different) < limit and not are_all:
            different, _ = await self._different(text, audience, only, max(wanted, _MOST_HITS))
        return (await self._widened(different, audience, widen_to))[:limit]

    async def _different(
        self, text: str, audience: Audience, only: SearchFilter, wanted: int
    ) -> tuple[list[Passage], bool]:
        """What answers among so many hits, of copies one, best first; and whether there are no more hits."""
        hits = await self._index.search(text, audience, limit=wanted, only=only)
        current = await self._current(hits)
        if self._reranker is not None:
            current = await self._reranker.rerank(text, current)
        ordered = favour_new(
            current,
            weight=self._settings.freshness_weight,
            half_life=timedelta(days=self._settings.freshness_half_life_days),
        )
        return collapse(ordered, text, limit=wanted), len(hits) < wanted

    async def _current(self, hits: list[Passage]) -> list[Passage]:
        versions = await self._catalogue.versions({hit.document_id for hit in hits})
        return [
            replace(hit, overheard=versions[hit.document_id].overheard)
            for hit in hits
            if hit.document_id in versions and versions[hit.document_id].content_hash == hit.content_hash
        ]

    async def _widened(self, hits: list[Passage], audience: Audience, widen_to: int) -> list[Passage]:
        if not widen_to:
            return hits
        neighbours = await self._index.chunks(neighbours_of(hits, widen_to=widen_to), audience)
        return widen(hits, neighbours, widen_to=widen_to)
