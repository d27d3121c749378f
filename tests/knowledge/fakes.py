"""Stand-ins at this package's own seams."""

import hashlib
import math
import re
from collections.abc import Sequence

from knowledge.embedding import ThreadedEmbedding

DIMENSIONS = 64


class WordEmbedding(ThreadedEmbedding):
    """Words hashed into a vector: texts that share words are near, and no model is loaded."""

    def count_tokens(self, text: str) -> int:
        return len(re.findall(r"\w+|[^\w\s]", text))

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [_vector(text) for text in texts]


def _vector(text: str) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()) or ["nothing"]:
        vector[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1.0
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector]
