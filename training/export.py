"""Exchanges with what people said about them, as rows that TRL reads: for SFT, KTO and DPO.

An export is a folder of `sft.jsonl`, `kto.jsonl`, `dpo.jsonl` and `manifest.json`. The same journal and window give
the same bytes; each file appears whole or not at all, the manifest last.
"""

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncEngine

from router.exchanges import Exchange
from router.feedback import FinalFeedback
from router.journal import Journal
from training.settings import TrainingSettings

Withheld = Literal[
    "switch_off",
    "not_public",
    "overheard",
    "overheard_passage",
    "no_feedback",
    "divided_feedback",
    "no_prompt",
    "no_completion",
]

_FORMAT = 1

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What was written: rows by file, and exchanges withheld by reason."""

    folder: Path
    rows: Mapping[str, int]
    withheld: Mapping[str, int]


@dataclass(slots=True)
class _Rows:
    sft: list[_Row] = field(default_factory=list[_Row])
    kto: list[_Row] = field(default_factory=list[_Row])
    dpo: list[_Row] = field(default_factory=list[_Row])
    withheld: Counter[str] = field(default_factory=Counter[str])
    exchanges: int = 0

    def files(self) -> dict[str, list[_Row]]:
        return {"sft.jsonl": self.sft, "kto.jsonl": self.kto, "dpo.jsonl": self.dpo}


async def export(
    engine: AsyncEngine, out: Path, *, start: datetime, end: datetime, settings: TrainingSettings
) -> Export:
    """Write the exchanges asked in `[start, end)`, both with a time zone, into the folder `out`.

    Only what everyone in the team may read is written, and nothing while the training switch is off; what was
    withheld is counted by reason. Files of an earlier export into the same folder are replaced.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("an export's window needs times with a zone")
    rows = await _collect(Journal(engine), start, end, settings)
    await asyncio.to_thread(_write, out, rows, start, end)
    counts = {name: len(lines) for name, lines in rows.files().items()}
    return Export(folder=out, rows=counts, withheld=dict(sorted(rows.withheld.items())))


async def _collect(journal: Journal, start: datetime, end: datetime, settings: TrainingSettings) -> _Rows:
    rows = _Rows()
    async for exchange in journal.exchanges_between(start, end):
        rows.exchanges += 1
        if not settings.training_enabled:
            rows.withheld["switch_off"] += 1
            continue
        final = await journal.feedback(exchange.exchange_id)
        reason = _withheld(exchange, final)
        if reason:
            rows.withheld[reason] += 1
        else:
            _add(rows, exchange, final)
    return rows


def _withheld(exchange: Exchange, final: FinalFeedback) -> Withheld | None:
    if not exchange.is_public:
        return "not_public"
    if any(turn.overheard for turn in exchange.thread):  # Slack's terms: no learning from what the API read
        return "overheard"
    if any(shown.overheard for shown in exchange.passages):  # nor from messages that were made documents
        return "overheard_passage"
    # One person's correction does not overrule those who liked what it corrects.
    if final.label is None or (final.correction and final.label):
        return "divided_feedback" if final.ups else "no_feedback"
    if not exchange.prompt:
        return "no_prompt"
    return None if exchange.completion.strip() or final.correction else "no_completion"


def _add(rows: _Rows, exchange: Exchange, final: FinalFeedback) -> None:
    """A correction teaches what to say, a vote whether what was said was right."""
    prompt = [{"role": message["role"], "content": message["content"]} for message in exchange.prompt]
    said, should_say = exchange.completion.strip(), final.correction.strip()
    about = {"exchange_id": exchange.exchange_id}
    if should_say:
        rows.sft.append({**about, "prompt": prompt, "completion": _reply(should_say)})
        rows.kto.append({**about, "prompt": prompt, "completion": _reply(should_say), "label": True})
        if said and said != should_say:
            rows.kto.append({**about, "prompt": prompt, "completion": _reply(said), "label": False})
            rows.dpo.append({**about, "prompt": prompt, "chosen": _reply(should_say), "rejected": _reply(said)})
        return
    rows.kto.append({**about, "prompt": prompt, "completion": _reply(said), "label": final.label})
    if final.label:
        rows.sft.append({**about, "prompt": prompt, "completion": _reply(said)})


def _reply(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _write(out: Path, rows: _Rows, start: datetime, end: datetime) -> None:
    out.mkdir(parents=True, exist_ok=True)
    digests: dict[str, str] = {}
    for name, lines in rows.files().items():
        data = "".join(f"{_json(line)}\n" for line in lines).encode()
        digests[name] = hashlib.sha256(data).hexdigest()
        _replace(out / name, data)
    manifest = {
        "format": _FORMAT,
        "start": start.astimezone(UTC).isoformat(),
        "end": end.astimezone(UTC).isoformat(),
        "exchanges": rows.exchanges,
        "rows": {name: len(lines) for name, lines in rows.files().items()},
        "sha256": digests,
        "withheld": dict(rows.withheld),
    }
    _replace(out / "manifest.json", f"{_json(manifest)}\n".encode())
    _sync_folder(out)


def _json(value: object) -> str:
    """ASCII, keys in order: the same bytes for the same rows, and no byte that a spreadsheet or a terminal obeys."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _sync_folder(folder: Path) -> None:
    """A rename lasts once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
