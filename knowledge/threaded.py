"""An embedding that computes off the event loop: what the transformer, the service and the stand-in have in common."""

import asyncio
from collections.abc import Sequence

from llama_index.core.base.embeddings.base import BaseEmbedding


class ThreadedEmbedding(BaseEmbedding):
    """An embedding whose work is done in `_embed`, off the event loop."""

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise NotImplementedError

    def count_tokens(self, text: str) -> int:
        """How many tokens of the model's window a text takes, special ones left out."""
        raise NotImplementedError

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed([query])[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embed(texts)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)


class UnitEmbedding(ThreadedEmbedding):
    """Stands where a model cannot be loaded, in an index that is then searched by words: all texts are alike."""

    dimensions: int

    def count_tokens(self, text: str) -> int:
        return len(text) // 3 + 1

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[1.0, *[0.0] * (self.dimensions - 1)] for _ in texts]
