"""What each way of answering is worth, with intervals: right answers, citations, abstention, time and tokens."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from router.decisions import Route
from router.exchanges import Exchange
from training.comparison.questions import Asked
from training.nightly.charts import Interval, interval_chart
from training.scoring import Measured, declines, exact, f1, holds_gold, measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The first three over answerable questions, an abstention counting as wrong; None where there was nothing to measure.

    Citations are compared with the documents that are named for a question: precision over answers that cite, recall over
    all answerable ones.
    """

    exact: Measured | None
    f1: Measured | None
    contained: Measured | None
    citation_precision: Measured | None
    citation_recall: Measured | None
    abstains_rightly: Measured | None
    abstains_wrongly: Measured | None
    latency_p50_ms: float
    latency_p95_ms: float
    prompt_tokens: float
    completion_tokens: float


def scores_of(asked: Sequence[Asked], exchanges: Mapping[str, Sequence[Exchange]]) -> dict[str, Scores]:
    return {arm: _scores(list(zip(asked, answers, strict=True))) for arm, answers in exchanges.items()}


def _scores(answered: Sequence[tuple[Asked, Exchange]]) -> Scores:
    answerable = [(asked, exchange) for asked, exchange in answered if asked.is_answerable]
    waits = sorted(exchange.timings_ms["total"] for _, exchange in answered)
    named = [(asked, _cited(asked, exchange)) for asked, exchange in answerable if asked.documents]
    return Scores(
        exact=_measured([float(exact(_said(exchange), asked.answers)) for asked, exchange in answerable]),
        f1=_measured([f1(_said(exchange), asked.answers) for asked, exchange in answerable]),
        contained=_measured([float(holds_gold(_said(exchange), asked.answers)) for asked, exchange in answerable]),
        citation_precision=_measured([cited.right / cited.all for _, cited in named if cited.all]),
        citation_recall=_measured([cited.found / len(asked.documents) for asked, cited in named]),
        abstains_rightly=_measured(
            [float(_abstains(exchange)) for asked, exchange in answered if not asked.is_answerable]
        ),
        abstains_wrongly=_measured([float(_abstains(exchange)) for _, exchange in answerable]),
        latency_p50_ms=round(statistics.median(waits), 1),
        latency_p95_ms=round(waits[min(len(waits) - 1, int(0.95 * len(waits)))], 1),
        prompt_tokens=_tokens(answered, "prompt"),
        completion_tokens=_tokens(answered, "completion"),
    )


def figures_of(scores: Scores) -> dict[str, Any]:
    return asdict(scores)


def plot_of(scores: Mapping[str, Scores]) -> str:
    """F1 of each way of answering with its interval, from 0 to 100, as an SVG of its own."""
    intervals = [
        Interval(name=arm, mean=each.f1.mean, low=each.f1.low, high=each.f1.high, is_good=True)
        for arm, each in scores.items()
        if each.f1 is not None
    ]
    return interval_chart(intervals, name="F1 with 95% intervals", ends=(0.0, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cited:
    """`right` of `all` cited documents are named for the question; `found` of the named ones are cited."""

    right: int
    all: int
    found: int


def _cited(asked: Asked, exchange: Exchange) -> _Cited:
    cited = {source.document_id: {source.uri, source.title} for source in exchange.sources}
    wanted = set(asked.documents)
    return _Cited(
        right=sum(bool(names & wanted) for names in cited.values()),
        all=len(cited),
        found=len(wanted & set().union(*cited.values())),
    )


def _said(exchange: Exchange) -> str:
    return "" if _abstains(exchange) else exchange.completion


def _abstains(exchange: Exchange) -> bool:
    return exchange.decision.route is Route.ABSTAIN or declines(exchange.completion)


def _tokens(answered: Sequence[tuple[Asked, Exchange]], name: str) -> float:
    return round(statistics.fmean(exchange.usage.get(name, 0) for _, exchange in answered), 1)


def _measured(values: Sequence[float]) -> Measured | None:
    return measure(values) if values else None
