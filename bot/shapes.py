"""The JSON that `--json` prints and that travels between the running bot and the short commands."""

from typing import Any

from bot.quarantine import SetAside
from knowledge.documents import Entry, IngestResult, Passage
from router.answers import Answer
from router.decisions import BECAUSE, Decision
from router.releases import Release

Json = dict[str, Any]


def answer_json(answer: Answer) -> Json:
    return {
        "answer": answer.text,
        "route": answer.decision.route.value,
        "probabilities": {route.value: round(p, 4) for route, p in answer.decision.probabilities.items()},
        "reason": answer.decision.reason,
        "sources": [
            {"n": source.n, "title": source.title, "uri": source.uri, "quote": source.quote}
            for source in answer.sources
        ],
        "model": answer.model,
        "exchange_id": answer.exchange_id,
        "timings_ms": {stage: round(ms, 1) for stage, ms in answer.timings_ms.items()},
    }


def decision_json(decision: Decision) -> Json:
    """`features` are what the policy saw; those that begin with `odds_` are the odds before feedback corrected them.

    `contributions` are what spoke for the arm over the next best one, in log-odds, the weightiest first.
    """
    return {
        "arm": decision.route.value,
        "odds": {route.value: round(p, 4) for route, p in decision.probabilities.items()},
        "reasons": [decision.reason],
        "contributions": decision.contributions,
        "features": {
            name: round(value, 4) for name, value in decision.features.items() if not name.startswith(BECAUSE)
        },
        "policy": decision.policy,
        "propensity": decision.propensity,
        "explored": decision.explored,
    }


def release_json(release: Release) -> Json:
    return {
        "released_at": release.released_at.isoformat(),
        "policy": release.policy,
        "adapter": release.adapter,
        "path": release.path,
        "base": release.base,
    }


def passage_json(passage: Passage) -> Json:
    return {
        "score": round(passage.score, 6),
        "title": passage.title,
        "uri": passage.uri,
        "text": passage.text,
        "document_id": passage.document_id,
        "chunk_id": passage.chunk_id,
    }


def learnable_json(passage: Passage) -> Json:
    """As a night's rows show it: headed as an answer's passages are."""
    return {
        "document_id": passage.document_id,
        "uri": passage.uri,
        "title": passage.heading,
        "text": passage.text,
    }


def ingest_json(result: IngestResult) -> Json:
    return {"uri": result.uri, "status": result.status, "chunks": result.chunks, "error": result.error}


def document_json(entry: Entry) -> Json:
    """`added_by` and `added_in` are Slack's ids, empty for the command line."""
    return {
        "number": entry.number,
        "title": entry.title,
        "uri": entry.uri,
        "audience": entry.scope,
        "chunks": entry.chunks,
        "place": entry.origin.place,
        "added_by": entry.origin.added_by,
        "added_in": entry.origin.added_in,
        "added_at": entry.added_at.isoformat(),
        "read_at": entry.read_at.isoformat(),
        "document_id": entry.id,
    }


def set_aside_json(aside: SetAside) -> Json:
    """`channel` is Slack's id of the conversation where it was handed over."""
    return {
        "title": aside.document.title,
        "place": aside.document.place,
        "audience": aside.document.scope,
        "channel": aside.document.channel,
        "reason": aside.reason,
        "tries": aside.tries,
        "tried_at": aside.tried_at.isoformat(),
    }
