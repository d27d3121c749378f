import asyncio
import json
import math
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from llama_index.core.bridge.pydantic import PrivateAttr

from knowledge.embedding import open_embedding
from knowledge.errors import IndexUnavailable
from knowledge.settings import KnowledgeSettings
from knowledge.threaded import ThreadedEmbedding
from knowledge.transformer import TransformerEmbedding


class _Service(BaseHTTPRequestHandler):
    """Embeds a text as its length and its number of words, as long as they are; it answers in no order."""

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        rows = [{"index": n, "embedding": [len(text), len(text.split())]} for n, text in enumerate(texts)]
        self.send_response(200 if "broken" not in texts else 500)
        self.end_headers()
        self.wfile.write(json.dumps({"data": rows[::-1]}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class names it
        pass


@pytest.fixture
def embedding() -> Iterator[ThreadedEmbedding]:
    server = HTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield open_embedding(KnowledgeSettings(embedding_url=f"http://127.0.0.1:{server.server_port}/v1"))
    server.shutdown()
    thread.join()
    server.server_close()


async def test_vectors_of_a_service_are_brought_to_length_one(embedding: ThreadedEmbedding) -> None:
    question = await embedding.aget_query_embedding("when is tea")
    assert math.hypot(*question) == pytest.approx(1)
    [tea, holiday] = await embedding.aget_text_embedding_batch(["tea", "nine days"])
    assert tea == pytest.approx([3 / math.hypot(3, 1), 1 / math.hypot(3, 1)])
    assert holiday == pytest.approx([9 / math.hypot(9, 2), 2 / math.hypot(9, 2)])


async def test_a_vector_of_nothing_stays_nothing(embedding: ThreadedEmbedding) -> None:
    assert await embedding.aget_query_embedding("") == [0, 0]


async def test_a_service_that_fails_says_which_setting_to_look_at(embedding: ThreadedEmbedding) -> None:
    with pytest.raises(IndexUnavailable, match="TANDEM_EMBEDDING_URL"):
        await embedding.aget_query_embedding("broken")


class _HeldUp(TransformerEmbedding):
    """Its documents wait until they are let go."""

    _let_go: threading.Event = PrivateAttr(default_factory=threading.Event)

    def let_go(self) -> None:
        self._let_go.set()

    def _embed_batch(self, texts: list[str]) -> list[list[float]]:
        if "a document" in texts:
            assert self._let_go.wait(timeout=10)
        return [[1.0] for _ in texts]


async def test_a_question_does_not_wait_for_documents_that_are_embedded() -> None:
    embedding = _HeldUp(model_name="none", threads=1)
    documents = asyncio.create_task(embedding.aget_text_embedding_batch(["a document"]))
    async with asyncio.timeout(5):
        assert await embedding.aget_query_embedding("a question") == [1.0]
    assert not documents.done()
    embedding.let_go()
    assert await documents == [[1.0]]


class _Together(TransformerEmbedding):
    """A batch goes on only when another is under way beside it."""

    _both: threading.Barrier = PrivateAttr(default_factory=lambda: threading.Barrier(2))
    _priorities: set[int] = PrivateAttr(default_factory=set)

    def _embed_batch(self, texts: list[str]) -> list[list[float]]:
        self._both.wait(timeout=10)
        self._priorities.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return [[float(len(text))] for text in texts]


async def test_batches_of_documents_are_embedded_side_by_side_and_give_way_to_all_else() -> None:
    embedding = _Together(model_name="none", threads=1, workers=2, embed_batch_size=100)
    texts = ["x" * length for length in (9, 3, 12, 1, 7, 14, 5, 10, 2, 16, 4, 13, 6, 15, 8, 11)]
    assert await embedding.aget_text_embedding_batch(texts) == [[float(len(text))] for text in texts]
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert min(embedding._priorities) > own or own == 19
