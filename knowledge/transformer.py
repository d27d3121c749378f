# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeArgument=false
# transformers and torch are typed in part only.
"""Embeddings by a Hugging Face model on this machine's CPU."""

import asyncio
import copy
import os
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr

from knowledge.errors import IndexUnavailable
from knowledge.processor import has_fast_bfloat16
from knowledge.settings import WINDOW_TOKENS
from knowledge.threaded import ThreadedEmbedding

# Encoding a whole document at once takes a hundred times its own memory.
_COUNTED_CHARS = 10_000
_LOWER_PRIORITY = 10
# Small batches waste little on padding.
_BATCH = 8
_LENGTH_STEP = 16
# One for all embeddings: transformers' modules are lazy, and a second thread that imports one finds half of it.
_LOADING = threading.Lock()


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

    async def _aget_query_embedding(self, query: str) -> list[float]:
        [vector] = await asyncio.wrap_future(self._questions.submit(self._embed_batch, [query]))
        return vector

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = [[]] * len(texts)
        # By length in characters: near enough to tokens, and free.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        # What is in a batch shifts the last digits: batches across documents would differ from one run to the next.
        batches = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
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
                from knowledge.packing import pack  # noqa: PLC0415

                is_fast = has_fast_bfloat16()
                with _loaded(self.model_name):
                    dtype = torch.bfloat16 if is_fast else torch.float32
                    model = AutoModel.from_pretrained(self.model_name, dtype=dtype).eval()
                    self._model = pack(model) if is_fast else model

    def _tokenizers(self) -> tuple[Any, Any]:
        """One that counts, and one that the model reads with: that cuts and pads, so its lengths tell nothing."""
        with _LOADING:
            if self._reading is None:
                with _loaded(self.model_name):
                    self._counting = _counting_tokenizer(self.model_name)
                self._reading = _reading_tokenizer(self._counting)
            return self._counting, self._reading


def _give_way() -> None:
    """This thread computes when questions, and whatever else runs on the machine, leave a core idle."""
    # On Linux, where a thread has a priority of its own.
    this = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, this, min(os.getpriority(os.PRIO_PROCESS, this) + _LOWER_PRIORITY, 19))


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
