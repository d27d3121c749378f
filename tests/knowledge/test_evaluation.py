from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge.audience import EVERYONE
from knowledge.beir.dataset import CorpusDocument, Dataset, Query
from knowledge.documents import Document
from knowledge.errors import IndexUnavailable
from knowledge.evaluation import Evaluation, evaluate_retrieval
from knowledge.index import PassageIndex, SearchMode, temporary_index
from knowledge.settings import KnowledgeSettings

LONG = "\n\n".join(f"# Part {number}\n\n{'Tea is drunk here, and tea there. ' * 30}" for number in range(60))


def said(id_: str, text: str) -> CorpusDocument:
    return CorpusDocument(id=id_, title=id_, text=text)


async def evaluate(index: PassageIndex, documents: list[CorpusDocument], *queries: Query) -> Evaluation:
    return await evaluate_retrieval(Dataset(documents=documents, queries=queries), index, lambda *_: None)


async def test_each_mode_gets_the_figures_of_its_own_rankings(make_index: Callable[[], PassageIndex]) -> None:
    documents = [said("leave", "holiday"), said("tea", "kettle at four"), said("pay", "salary bands")]
    evaluation = await evaluate(
        make_index(),
        documents,
        Query(id="1", text="kettle", grades={"tea": 1}),
        Query(id="2", text="vacation", grades={"leave": 1}),
    )
    assert (evaluation.documents, evaluation.passages, evaluation.queries) == (3, 3, 2)
    assert list(evaluation.modes) == ["dense", "bm25", "hybrid"]
    # No page has the word of the second question.
    assert evaluation.modes[SearchMode.BM25].measures == {
        "recall@1": 0.5,
        "recall@5": 0.5,
        "recall@10": 0.5,
        "mrr@10": 0.5,
        "ndcg@10": 0.5,
    }
    for mode in (SearchMode.DENSE, SearchMode.HYBRID):
        assert evaluation.modes[mode].measures["recall@5"] == 1
    for figures in evaluation.modes.values():
        assert 0 < figures.p50_ms <= figures.p95_ms


async def test_a_document_of_many_passages_takes_one_rank_and_that_of_its_best(
    make_index: Callable[[], PassageIndex],
) -> None:
    # Its 120 passages are all nearer to the question than the other page is.
    documents = [said("other", "Coffee, and once tea."), said("long", LONG)]
    evaluation = await evaluate(make_index(), documents, Query(id="1", text="tea", grades={"other": 1, "long": 0}))
    assert evaluation.passages > 100
    for figures in evaluation.modes.values():
        assert figures.measures["recall@1"] == 0
        assert figures.measures["mrr@10"] == 1 / 2


async def test_a_document_that_is_a_title_only_is_found_by_it(make_index: Callable[[], PassageIndex]) -> None:
    evaluation = await evaluate(
        make_index(), [said("kettle", " "), said("tea", "four")], Query(id="1", text="kettle", grades={"kettle": 1})
    )
    assert {figures.measures["recall@1"] for figures in evaluation.modes.values()} == {1}


async def test_how_far_it_is_is_told(make_index: Callable[[], PassageIndex]) -> None:
    told: list[tuple[str, int, int]] = []
    dataset = Dataset(
        documents=[said("tea", "four"), said("pay", "bands")], queries=[Query(id="1", text="tea", grades={"tea": 1})]
    )
    await evaluate_retrieval(dataset, make_index(), lambda *step: told.append(step))
    assert told == [("taking documents in", 0, 2), ("taking documents in", 1, 2), ("searching", 0, 1)]


async def test_a_temporary_index_leaves_nothing_behind(
    settings: KnowledgeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    page = Document(uri="file:///tea", title="Tea", text="At four.", scope="public")
    async with temporary_index(settings) as index:
        await index.add(page)
        assert [passage.title for passage in await index.search("tea", EVERYONE, limit=1)] == ["Tea"]
        assert any(place.name.startswith("tandem-index-") for place in folder.iterdir())
    assert not any(place.name.startswith("tandem-index-") for place in folder.iterdir())
    assert not settings.home.exists()


async def test_a_temporary_index_on_a_server_that_is_away_says_so(settings: KnowledgeSettings) -> None:
    away = settings.model_copy(update={"qdrant_url": "http://127.0.0.1:9"})
    with pytest.raises(IndexUnavailable, match="TANDEM_QDRANT_URL"):
        async with temporary_index(away) as index:
            await index.count("")
