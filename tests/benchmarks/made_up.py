"""Made-up chunks and questions, the same at every run: words as frequent as in a language, vectors in clusters."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

from knowledge.audience import PUBLIC, Audience, channel_scope
from knowledge.chunking import as_node
from knowledge.documents import Document, chunk_id

DIMENSIONS = 384
WORDS = 50_000
WORDS_OF_A_CHUNK = 110
WORDS_OF_A_QUESTION = 7
CHUNKS_OF_A_DOCUMENT = 10
CHANNELS = 200
CHANNELS_OF_AN_AUDIENCE = 5
# One document in so many is for everyone.
PUBLIC_EVERY = 10
_CLUSTERS = 500
_NOISE = 0.08
_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpDocument:
    number: int
    document: Document
    content_hash: str
    nodes: list[TextNode]


class MadeUp:
    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._centres = np.random.default_rng(0).normal(size=(_CLUSTERS, DIMENSIONS)) / DIMENSIONS**0.5
        self._words = [_word(number) for number in range(WORDS)]
        # Zipf's law as Mandelbrot has it; the shift leaves out the most frequent ones, which BM25 does not count.
        weights = 1.0 / (np.arange(WORDS) + 30.0)
        self._up_to = np.cumsum(weights / weights.sum())[:-1]

    def text(self, words: int) -> str:
        drawn = np.searchsorted(self._up_to, self._random.random(words), side="right")
        return " ".join(self._words[number] for number in drawn)

    def vectors(self, count: int) -> list[list[float]]:
        """Of length one."""
        noise = self._random.normal(size=(count, DIMENSIONS)) * _NOISE
        vectors = self._centres[self._random.integers(_CLUSTERS, size=count)] + noise
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).tolist()

    def question(self) -> str:
        return self.text(WORDS_OF_A_QUESTION)

    def audience(self) -> Audience:
        channels = self._random.choice(CHANNELS, CHANNELS_OF_AN_AUDIENCE, replace=False)
        return Audience(scopes=frozenset([PUBLIC, *map(_channel, channels)]))

    def documents(self, chunks: int) -> Iterator[MadeUpDocument]:
        for number in range(chunks // CHUNKS_OF_A_DOCUMENT):
            yield self._document(number)

    def _document(self, number: int) -> MadeUpDocument:
        """Chunks as the chunker makes them; its own work is measured with the ingest."""
        texts = [self.text(WORDS_OF_A_CHUNK) for _ in range(CHUNKS_OF_A_DOCUMENT)]
        document = Document(
            uri=f"file:///made-up/{number}.md",
            title=f"Page {number}",
            text="\n\n".join(texts),
            scope=PUBLIC if number % PUBLIC_EVERY == 0 else _channel(number % CHANNELS),
            kind="text/markdown",
        )
        content_hash = document.content_hash(chunk_tokens=220)
        whole = as_node(document, content_hash=content_hash).metadata
        nodes = [
            TextNode(
                id_=chunk_id(document.id, content_hash, at),
                text=text,
                embedding=vector,
                metadata=whole | {"section": "", "number": at},
                excluded_embed_metadata_keys=[key for key in (*whole, "section", "number") if key != "title"],
                relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document.id)},
            )
            for at, (text, vector) in enumerate(zip(texts, self.vectors(len(texts)), strict=True))
        ]
        return MadeUpDocument(number=number, document=document, content_hash=content_hash, nodes=nodes)


def _channel(number: int) -> str:
    return channel_scope(f"C{number:05}")


def _word(number: int) -> str:
    syllables = []
    while True:
        number, rest = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[rest])
        if number == 0:
            return "".join(syllables)
