import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from knowledge.audience import EVERYONE
from knowledge.catalogue import Catalogue
from knowledge.documents import Passage
from knowledge.edge_store import EdgeStore
from knowledge.fetching import Fetcher
from knowledge.index import PassageIndex
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.rerank import CrossEncoder, Reranker, open_reranker
from knowledge.settings import KnowledgeSettings
from tests.knowledge.fakes import WordEmbedding, application_served
from tests.router.fakes import passage


@dataclass
class Scripted:
    """Scores a text by its length; or raises, or takes its time."""

    error: Exception | None = None
    pause_s: float = 0.0
    asked: list[list[str]] = field(default_factory=list)

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        self.asked.append(list(texts))
        await asyncio.sleep(self.pause_s)
        if self.error:
            raise self.error
        return [float(len(text)) for text in texts]

    async def close(self) -> None:
        pass


def hits() -> list[Passage]:
    return [passage("x" * (10 + number), title="Page", similarity=1 / (1 + number)) for number in range(4)]


def texts_of(found: Sequence[Passage]) -> list[int]:
    return [len(each.text) for each in found]


async def test_the_first_hits_are_ordered_anew_and_keep_falling_scores() -> None:
    scorer = Scripted()
    found = await Reranker(scorer, most=3, timeout_s=1).rerank("q", hits())
    assert texts_of(found) == [12, 11, 10, 13]
    assert [hit.score for hit in found] == [hit.score for hit in hits()]
    assert scorer.asked[0][0].startswith("Page\nxxx")


@pytest.mark.parametrize("fault", [{"error": OSError("gone")}, {"pause_s": 5.0}])
async def test_a_failure_or_a_slow_model_leaves_the_order_and_is_logged_once(fault: dict[str, Any], caplog) -> None:
    reranker = Reranker(Scripted(**fault), most=3, timeout_s=0.05)
    for _ in range(3):
        assert texts_of(await reranker.rerank("q", hits())) == [10, 11, 12, 13]
    assert caplog.text.count("hits are not reranked") == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder in a folder, as a hub has them, with weights of chance."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "leave", "parental", "weeks", "trains", "page"]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    place = tmp_path_factory.mktemp("cross-encoder")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(place)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=1,  # pyright: ignore[reportCallIssue]
    )
    BertForSequenceClassification(config).save_pretrained(place)
    return place


async def test_a_cross_encoder_reads_question_and_passage_together(folder: Path) -> None:
    encoder = CrossEncoder(str(folder), threads=1)
    texts = ["page leave weeks", "page trains", "weeks " * 2000, *["page parental leave"] * 9]
    scores = await encoder.scores("parental leave", texts)
    assert len(scores) == len(texts)
    assert len(set(scores[:4])) == 4
    assert scores[3:] == pytest.approx([scores[3]] * 9, abs=1e-4)
    assert await encoder.scores("trains", texts[:3]) != pytest.approx(scores[:3], abs=1e-6)
    await encoder.close()


async def test_a_model_that_is_not_there_leaves_the_order(tmp_path: Path, caplog) -> None:
    settings = KnowledgeSettings(home=tmp_path, rerank_model=str(tmp_path / "none"), rerank_timeout_s=60)
    reranker = open_reranker(settings)
    assert reranker is not None
    assert texts_of(await reranker.rerank("q", hits())) == [10, 11, 12, 13]
    assert "hits are not reranked" in caplog.text
    await reranker.close()


@dataclass
class Service:
    url: str = ""
    reply: Any = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.asked.append((request.headers.get("Authorization", ""), body))
        if self.reply is not None:
            return web.json_response(self.reply)
        best_first = sorted(range(len(body["documents"])), key=lambda number: -len(body["documents"][number]))
        return web.json_response(
            {"results": [{"index": at, "relevance_score": 1 / (1 + rank)} for rank, at in enumerate(best_first)]}
        )


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    async with application_served(web.post("/v1/rerank", service.answer)) as address:
        service.url = f"{address}/v1/rerank"
        yield service


async def test_a_service_is_asked_in_the_form_of_jina_and_cohere(service: Service, tmp_path: Path) -> None:
    settings = KnowledgeSettings(
        home=tmp_path,
        rerank_url=service.url,
        rerank_model="bge",
        rerank_api_key=SecretStr("k"),
        rerank_hits=3,
        rerank_timeout_s=60,
    )
    reranker = open_reranker(settings)
    assert reranker is not None
    assert texts_of(await reranker.rerank("leave?", hits())) == [12, 11, 10, 13]
    ((key, body),) = service.asked
    assert key == "Bearer k"
    assert body["model"] == "bge"
    assert (body["query"], body["top_n"], len(body["documents"])) == ("leave?", 3, 3)
    await reranker.close()


@pytest.mark.parametrize("reply", [{"results": []}, {"error": "no"}, [], {"results": [{"index": 9}]}])
async def test_an_answer_of_another_form_leaves_the_order(service: Service, tmp_path: Path, reply: Any) -> None:
    service.reply = reply
    reranker = open_reranker(KnowledgeSettings(home=tmp_path, rerank_url=service.url, rerank_timeout_s=60))
    assert reranker is not None
    assert texts_of(await reranker.rerank("leave?", hits())) == [10, 11, 12, 13]
    await reranker.close()


async def test_a_search_of_the_library_is_reranked(engine: AsyncEngine, settings: KnowledgeSettings) -> None:
    scorer = Scripted()
    library = Library(
        index=PassageIndex(store=EdgeStore(settings.home / "index"), embedding=WordEmbedding(), chunk_tokens=220),
        catalogue=Catalogue(engine),
        parser=Parser(settings),
        fetcher=Fetcher(settings),
        settings=settings,
        reranker=Reranker(scorer, most=20, timeout_s=5),
    )
    for number in range(4):
        data = f"Tea is on floor {'very ' * number} high.".encode()
        await library.ingest_bytes(data, name=f"{number}.md", uri=f"file:///{number}.md", scope="public")
    found = await library.search("tea floor", EVERYONE, limit=2)
    assert [hit.uri for hit in found] == ["file:///3.md", "file:///2.md"]
    await library.close()


def test_no_reranking_is_the_default(tmp_path: Path) -> None:
    assert open_reranker(KnowledgeSettings(home=tmp_path)) is None
