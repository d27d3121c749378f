"""How near a question comes to the know-how that the adapter in service was taught.

What was taught is a list of questions beside the adapter's weights, so it comes into service and goes with them.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from router.embedding import Embedding
from router.releases import Release

_LOG = logging.getLogger(__name__)
KNOW_HOW = "know_how.json"
"""The file beside an adapter's weights: the questions, as people asked them, in a JSON list."""

_Vectors = NDArray[np.float32]
_LARGEST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """`nearness` is the cosine of what is asked to `question`, in [0, 1]: 0 where nothing was taught."""

    nearness: float = 0.0
    question: str = ""


NO_KNOW_HOW = Nearest()


class KnowHow:
    def __init__(self, embedding: Embedding) -> None:
        self._embedding = embedding
        self._questions: dict[str, list[str]] = {}
        self._embedded: dict[str, asyncio.Task[_Vectors]] = {}

    async def is_any(self, release: Release | None) -> bool:
        """Whether the release's adapter was taught any; read once, since an adapter's name never changes its meaning."""
        if release is None or not release.adapter:
            return False
        if release.adapter not in self._questions:
            self._questions[release.adapter] = await asyncio.to_thread(read_know_how, Path(release.path))
        return bool(self._questions[release.adapter])

    async def nearest(self, vector: Sequence[float], release: Release | None) -> Nearest:
        """Of the questions that the release's adapter was taught, the one nearest to a question's vector.

        Raises KnowledgeError. Given up in the middle, the embedding of what was taught goes on, and is there for a later
        question.
        """
        if release is None or not await self.is_any(release):
            return NO_KNOW_HOW
        [asked], taught = _unit([vector]), await self._vectors(release)
        if taught.shape[1:] != asked.shape:
            # The embedding model was changed since.
            self._embedded.pop(release.adapter, None)
            taught = await self._vectors(release)
        cosines = taught @ asked
        place = int(cosines.argmax())
        nearness = round(min(1.0, max(0.0, float(cosines[place]))), 4)
        return Nearest(nearness=nearness, question=self._questions[release.adapter][place])

    async def _vectors(self, release: Release) -> _Vectors:
        """`(n_questions, dimensions) float32` of length 1."""
        name = release.adapter
        if name not in self._embedded:
            self._embedded[name] = asyncio.create_task(self._embed(self._questions[name]))
        embedding = self._embedded[name]
        try:
            return await asyncio.shield(embedding)
        except Exception:
            # Another question may have begun anew already.
            if self._embedded.get(name) is embedding:
                del self._embedded[name]
            raise

    async def _embed(self, questions: Sequence[str]) -> _Vectors:
        return _unit(await self._embedding.embed(questions))


def read_know_how(folder: Path) -> list[str]:
    """The questions that the adapter in this folder was taught; none where it has no such file, or a broken one."""
    path = folder / KNOW_HOW
    try:
        if not path.is_file():
            return []
        with path.open("rb") as file:
            # Cut at this size it is no JSON, and read as broken.
            return _QUESTIONS.validate_json(file.read(_LARGEST_BYTES))
    except (OSError, ValidationError) as error:
        _LOG.error("what the adapter in %s was taught cannot be read: %s", folder, error)
        return []


def _unit(vectors: Sequence[Sequence[float]]) -> _Vectors:
    rows = np.asarray(vectors, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


_QUESTIONS: TypeAdapter[list[str]] = TypeAdapter(list[str])
