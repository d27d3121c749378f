# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# transformers and torch are typed in part only.
"""The first hits of a search scored again, question and passage read together: by a model here, or by a service."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

import httpx

from knowledge.documents import Passage
from knowledge.settings import KnowledgeSettings

_log = logging.getLogger(__name__)
_WINDOW_TOKENS = 512
_BATCH = 8


class Scorer(Protocol):
    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One a text, higher is better. Raises whatever its library does."""
        ...

    async def close(self) -> None: ...


class Reranker:
    """Any failure, or a scorer that takes too long, leaves the order as it was; the first one is logged."""

    def __init__(self, scorer: Scorer, *, most: int, timeout_s: float) -> None:
        self._scorer = scorer
        self._most = most
        self._timeout_s = timeout_s
        self._is_failing = False

    async def rerank(self, query: str, hits: Sequence[Passage]) -> list[Passage]:
        """The first hits in their new order, the others after them. Scores stay in the form of fused ones.

        A hit gets the fused score that stood at its new place: freshness and the router compare those.
        """
        first = hits[: self._most]
        if len(first) <= 1:
            return list(hits)
        texts = [f"{hit.heading}\n{hit.text}" for hit in first]
        try:
            async with asyncio.timeout(self._timeout_s):
                scores = await self._scorer.scores(query, texts)
            ordered = [hit for _, hit in sorted(zip(scores, first, strict=True), key=lambda pair: -pair[0])]
        except Exception as error:  # noqa: BLE001 — whatever a model or a service does, the fused order stands
            if not self._is_failing:
                _log.warning("hits are not reranked: %s", str(error) or type(error).__name__)
            self._is_failing = True
            return list(hits)
        self._is_failing = False
        return [
            *(replace(hit, score=place.score) for hit, place in zip(ordered, first, strict=True)),
            *hits[self._most :],
        ]

    async def close(self) -> None:
        await self._scorer.close()


class CrossEncoder:
    """A Hugging Face model with one output, or one whose last class means relevant; loaded at first use."""

    def __init__(self, model_name: str, *, threads: int) -> None:
        self._model_name = model_name
        self._threads = threads
        self._loaded: tuple[Any, Any] | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rerank")

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._scores, query, list(texts))

    async def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _scores(self, query: str, texts: list[str]) -> list[float]:
        import torch  # noqa: PLC0415 — three seconds of import, for those who rerank only

        tokenizer, model = self._load()
        scores: list[float] = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            encoded = tokenizer(
                [query] * len(batch),
                batch,
                padding=True,
                truncation="only_second",
                max_length=_WINDOW_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                scores.extend(model(**encoded).logits[:, -1].float().tolist())
        return scores

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            import torch  # noqa: PLC0415
            from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: PLC0415

            torch.set_num_threads(self._threads)
            self._loaded = (
                AutoTokenizer.from_pretrained(self._model_name),
                AutoModelForSequenceClassification.from_pretrained(self._model_name).eval(),
            )
        return self._loaded


class RerankService:
    """An endpoint in the form of Jina and Cohere, as vLLM's /v1/rerank has it."""

    def __init__(self, *, url: str, model: str, key: str) -> None:
        self._url = url
        self._model = model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.AsyncClient(headers=headers, trust_env=False, timeout=None)  # noqa: S113 — Reranker bounds it

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        asked = {"query": query, "documents": list(texts), "top_n": len(texts)}
        response = await self._http.post(self._url, json=asked | ({"model": self._model} if self._model else {}))
        results = response.raise_for_status().json()["results"]
        by_index = {result["index"]: float(result["relevance_score"]) for result in results}
        return [by_index[number] for number in range(len(texts))]

    async def close(self) -> None:
        await self._http.aclose()


def open_reranker(settings: KnowledgeSettings) -> Reranker | None:
    """None where no reranking is asked for."""
    if settings.rerank_url:
        key = settings.rerank_api_key.get_secret_value()
        scorer: Scorer = RerankService(url=settings.rerank_url, model=settings.rerank_model, key=key)
    elif settings.rerank_model:
        scorer = CrossEncoder(settings.rerank_model, threads=settings.embedding_threads)
    else:
        return None
    return Reranker(scorer, most=settings.rerank_hits, timeout_s=settings.rerank_timeout_s)
