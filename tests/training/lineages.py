"""What an adapter of the base model `tiny` says that it learnt from."""

from typing import Any

from training.lineage import LearntExchange, Lineage


def lineage(*learnt: LearntExchange, **changes: Any) -> Lineage:
    told = {
        "base": "tiny", "start": "", "recipe": "team", "recipe_sha256": "", "seed": 1, "data_sha256": "d",
        "is_whole": True, "exchanges": learnt,
    }  # fmt: skip
    return Lineage(**{**told, **changes})


def learnt(exchange_id: str, **changes: Any) -> LearntExchange:
    told = {
        "exchange_id": exchange_id, "asked_at": "2026-03-01T01:00:00+00:00", "feedback": (f"{exchange_id}-0",),
        "people": ("U1",), "documents": (),
    }  # fmt: skip
    return LearntExchange(**{**told, **changes})
