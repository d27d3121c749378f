"""Embeddings from a service that speaks OpenAI's /embeddings."""

import math
from collections.abc import Sequence

import httpx
from llama_index.core.bridge.pydantic import SecretStr

from knowledge.errors import IndexUnavailable
from knowledge.threaded import ThreadedEmbedding

_BATCH = 64
_TIMEOUT_S = 60


class ServiceEmbedding(ThreadedEmbedding):
    """A service with an OpenAI-compatible /embeddings."""

    url: str
    api_key: SecretStr

    def count_tokens(self, text: str) -> int:
        # Its tokenizer is unknown here; four characters a token is the usual estimate, three is the careful one.
        return len(text) // 3 + 1

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        starts = range(0, len(texts), _BATCH)
        return [vector for start in starts for vector in self._embed_batch(texts[start : start + _BATCH])]

    def _embed_batch(self, texts: Sequence[str]) -> list[list[float]]:
        key = self.api_key.get_secret_value()
        try:
            response = httpx.post(
                f"{self.url.rstrip('/')}/embeddings",
                json={"model": self.model_name, "input": list(texts), "encoding_format": "float"},
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=_TIMEOUT_S,
            )
            rows = response.raise_for_status().json()["data"]
            return [_normalised(row["embedding"]) for row in sorted(rows, key=lambda row: row["index"])]
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise IndexUnavailable(
                "The embedding service does not answer as it should; look at TANDEM_EMBEDDING_URL"
            ) from error


def _normalised(vector: list[float]) -> list[float]:
    """Of length one, as similarities are taken; not every service sends it so."""
    length = math.hypot(*vector) or 1.0
    return [value / length for value in vector]
