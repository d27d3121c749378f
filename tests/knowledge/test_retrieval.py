"""How well the real model and the real index find passages, and how fast."""

import json
import math
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge.audience import EVERYONE
from knowledge.documents import Document
from knowledge.index import PassageIndex, open_index
from knowledge.settings import KnowledgeSettings

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
async def index(settings: KnowledgeSettings) -> AsyncIterator[PassageIndex]:
    index = open_index(settings)
    await index.warm_up()
    yield index
    await index.close()


async def test_the_right_passage_of_xquad_comes_first(index: PassageIndex, data_dir: Path) -> None:
    articles = json.loads((data_dir / "xquad-en" / "xquad.en.json").read_text())["data"]
    asked: list[tuple[str, str]] = []
    for article in articles:
        for number, paragraph in enumerate(article["paragraphs"]):
            uri = f"xquad:{article['title']}:{number}"
            title = article["title"].replace("_", " ")
            await index.add(Document(uri=uri, title=title, text=paragraph["context"], scope="public"))
            # Every third question: enough for the figure, and a third of the time.
            asked += [(question["question"], uri) for question in paragraph["qas"][::3]]
    gains: list[float] = []
    times: list[float] = []
    for question, uri in asked:
        started = time.perf_counter()
        passages = await index.search(question, EVERYONE, limit=30)
        times.append((time.perf_counter() - started) * 1000)
        # A passage may be several chunks; it ranks where its first chunk does.
        ranked = list(dict.fromkeys(passage.uri for passage in passages))[:10]
        gains.append(1 / math.log2(ranked.index(uri) + 2) if uri in ranked else 0.0)
    ndcg = statistics.mean(gains)
    print(f"{len(asked)} questions: nDCG@10 {ndcg:.3f}, search p50 {statistics.median(times):.1f} ms")
    assert ndcg >= 0.95
