"""How well, and how fast, this team's retrieval finds what a data set says should be found, in each search mode.

Documents take the way that a team's own take: cut by our chunker, embedded by the index's model, written into its store.
A document is so one or more passages. Its rank is that of its best passage: passages are walked from the first one down,
and a document counts where it is met first.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from knowledge.audience import EVERYONE, PUBLIC
from knowledge.beir.dataset import CorpusDocument, Dataset, Query
from knowledge.documents import Document
from knowledge.index import PassageIndex, SearchMode
from knowledge.layout import FUSED_HITS
from knowledge.metrics import ndcg, recall, reciprocal_rank

# What is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]

_DEPTH = 10
_MEASURES: Mapping[str, Callable[[Sequence[str], Mapping[str, int]], float]] = {
    "recall@1": lambda ranking, grades: recall(ranking, grades, at=1),
    "recall@5": lambda ranking, grades: recall(ranking, grades, at=5),
    "recall@10": lambda ranking, grades: recall(ranking, grades, at=_DEPTH),
    "mrr@10": lambda ranking, grades: reciprocal_rank(ranking, grades, at=_DEPTH),
    "ndcg@10": lambda ranking, grades: ndcg(ranking, grades, at=_DEPTH),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Means over the queries, and percentiles of what ranking a query's documents took, embedding of the query included."""

    measures: Mapping[str, float]
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    documents: int
    passages: int
    queries: int
    modes: Mapping[SearchMode, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    measures: Mapping[str, float]
    ms: float


async def evaluate_retrieval(dataset: Dataset, index: PassageIndex, progress: Progress) -> Evaluation:
    """The index is empty before, and holds the data set's documents afterwards. Raises IndexUnavailable."""
    passages = 0
    for number, document in enumerate(dataset.documents):
        progress("taking documents in", number, len(dataset.documents))
        passages += await index.add(_as_document(document))
    await index.settle()
    return Evaluation(
        documents=len(dataset.documents),
        passages=passages,
        queries=len(dataset.queries),
        modes=await _search_all(index, dataset.queries, progress),
    )


def _as_document(document: CorpusDocument) -> Document:
    # One that is a title only would leave nothing to search in.
    text = document.text if document.text.strip() else document.title
    return Document(uri=document.id, title=document.title, text=text, scope=PUBLIC)


async def _search_all(
    index: PassageIndex, queries: Sequence[Query], progress: Progress
) -> Mapping[SearchMode, Figures]:
    ranked: dict[SearchMode, list[_Ranked]] = {mode: [] for mode in SearchMode}
    await index.warm_up()
    for number, query in enumerate(queries):
        progress("searching", number, len(queries))
        # One after the other, so that what slows the machine for a while slows all modes alike.
        for mode in SearchMode:
            ranked[mode].append(await _measure(index, query, mode))
    return {mode: _figures(of_mode) for mode, of_mode in ranked.items()}


async def _measure(index: PassageIndex, query: Query, mode: SearchMode) -> _Ranked:
    started = time.perf_counter()
    ranking = await _rank(index, query.text, mode)
    ms = (time.perf_counter() - started) * 1000
    return _Ranked(measures={name: measure(ranking, query.grades) for name, measure in _MEASURES.items()}, ms=ms)


async def _rank(index: PassageIndex, query: str, mode: SearchMode) -> list[str]:
    """The ids of the first ten documents; as many passages are asked for as it takes to meet ten."""
    limit = FUSED_HITS
    while True:
        passages = await index.search(query, EVERYONE, limit=limit, mode=mode)
        ranking = list(dict.fromkeys(passage.uri for passage in passages))
        if len(ranking) >= _DEPTH or len(passages) < limit:
            return ranking[:_DEPTH]
        limit *= 4


def _figures(ranked: Sequence[_Ranked]) -> Figures:
    p50, p95 = _percentiles([each.ms for each in ranked], 0.50, 0.95)
    return Figures(
        measures={name: fmean(each.measures[name] for each in ranked) for name in _MEASURES}, p50_ms=p50, p95_ms=p95
    )


def _percentiles(values: Sequence[float], *shares: float) -> Iterator[float]:
    """By nearest rank: values that were measured, none between."""
    ordered = sorted(values)
    return (ordered[math.ceil(share * len(ordered)) - 1] for share in shares)
