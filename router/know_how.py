"""How near a question comes to the know-how that the adapter in service was taught.

What was taught is a list of questions beside the adapter's weights, so it comes into service and goes with them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from knowledge.errors import KnowledgeError
from router.queries import standalone
from router.questions import Question
from router.releases import Release

_LOG = logging.getLogger(__name__)
KNOW_HOW = "know_how.json"
"""The file beside an adapter's weights: the questions, as people asked them, in a JSON list."""

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
_Vectors = NDArray[np.float32]
_LARGEST_BYTES = 20_000_000


class KnowHow:
    def __init__(self, embed: Embed | None, *, timeout_s: float) -> None:
        self._embed = embed
        self._timeout_s = timeout_s
        self._taught: dict[str, _Vectors] = {}

    async def nearness(self, question: Question, release: Release | None) -> float:
        """Cosine to the nearest question that the release's adapter was taught, in [0, 1].

        0 where it was taught none, or where nobody can tell in time: the question is then routed without it.
        """
        if self._embed is None or release is None or not release.adapter:
            return 0.0
        try:
            async with asyncio.timeout(self._timeout_s):
                taught = await self._vectors(self._embed, release)
                asked = _unit(await self._embed([standalone(question)])) if len(taught) else taught
                if asked.shape[1:] != taught.shape[1:]:
                    # The embedding model was changed since.
                    del self._taught[release.adapter]
                    taught = await self._vectors(self._embed, release)
        except (KnowledgeError, TimeoutError) as error:
            _LOG.warning("whether the adapter was taught this is not known (%s)", type(error).__name__)
            return 0.0
        if not len(taught):
            return 0.0
        return round(min(1.0, max(0.0, float((taught @ asked[0]).max()))), 4)

    async def _vectors(self, embed: Embed, release: Release) -> _Vectors:
        """`(n_questions, dimensions) float32` of length 1; read once, since an adapter's name never changes its meaning."""
        if release.adapter not in self._taught:
            questions = await asyncio.to_thread(read_know_how, Path(release.path))
            self._taught[release.adapter] = _unit(await embed(questions) if questions else [])
        return self._taught[release.adapter]


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
    rows = np.asarray(vectors, np.float32) if len(vectors) else np.zeros((0, 0), np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


_QUESTIONS: TypeAdapter[list[str]] = TypeAdapter(list[str])
