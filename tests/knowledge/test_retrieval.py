"""How well the real model and the real index find passages, and how fast."""

import json
import math
import statistics
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from knowledge.audience import EVERYONE
from knowledge.beir import chunking_eval, xquad
from knowledge.beir.dataset import Dataset
from knowledge.documents import Document
from knowledge.evaluation import evaluate_retrieval
from knowledge.index import PassageIndex, SearchMode, open_index
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


@pytest.mark.parametrize(("name", "convert"), [("xquad-en", xquad.convert), ("chunking-eval", chunking_eval.convert)])
async def test_both_rankings_together_find_more_than_either_alone(
    index: PassageIndex, data_dir: Path, name: str, convert: Callable[[Path], Dataset]
) -> None:
    evaluation = await evaluate_retrieval(convert(data_dir / name), index, lambda *_: None)
    ndcg = {mode: figures.measures["ndcg@10"] for mode, figures in evaluation.modes.items()}
    print(name, {mode.value: round(value, 3) for mode, value in ndcg.items()})
    assert ndcg[SearchMode.HYBRID] > max(ndcg[SearchMode.DENSE], ndcg[SearchMode.BM25])
