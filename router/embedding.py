"""What the router asks of an embedding model."""

from collections.abc import Sequence
from typing import Protocol


class Embedding(Protocol):
    """Both methods raise KnowledgeError where the model cannot be asked."""

    @property
    def embedding_name(self) -> str:
        """What tells this model's vectors from another's."""
        ...

    async def embed_question(self, text: str) -> list[float]:
        """The vector of what somebody waits for."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts that may wait behind the ingest of documents."""
        ...
