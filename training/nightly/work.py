"""The stages of a night: what people said becomes rows, rows an adapter, and the adapter is tried and put into service.

Each may be cut off and done again. What comes of one is plain JSON: it is kept as the night's record, shown in the
report, and handed to the stages after it. `ended` says why a night has no more to do.
"""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from router.know_how import KNOW_HOW
from router.model import ModelClient
from router.releases import Releases
from router.withdrawn import is_withdrawn
from training.adapters import ADAPTERS, METRICS
from training.errors import DataUnusable
from training.gate.cases import Cases
from training.gate.checks import Limits
from training.gate.hearing import hear
from training.gate.verdict import Verdict, judge
from training.lineage import LINEAGE, read_lineage_of_rows
from training.nightly.files import RECORD, put_text
from training.nightly.report import Summary, report_page, summary_of
from training.promotion import load, put_into_service, served_base
from training.rows import data_digest

Json = dict[str, Any]
Outcomes = Mapping[str, Json]

SWITCHED_OFF = "Training is switched off: set TANDEM_TRAINING_ENABLED=true once that is agreed on."
NOTHING_TO_LEARN = (
    "There is nothing to learn from yet: no answer of a day that is over (in UTC) has been corrected or liked."
)
NOTHING_NEW = "Nothing has changed since the last adapter was trained."
ALWAYS = frozenset({"refit", "report"})
"""The stages that are done whatever came of those before."""

PAGE = "report.html"
_ROWS, _ADAPTER = "rows.jsonl", "adapter"
_LOSSES = "losses.json"
_POINTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a night works with.

    `export` writes what is new until the given moment and says what came of it; `write_rows` writes the
    rows to train on, with the questions that they teach and what they come from beside them, and returns their number; `train` turns them into an adapter's folder; `cases` gives what the
    challenger and a champion, "" for the base model, are asked after such rows; `refit` is the router's; `post` shows
    the summary to people, once for each run, and says what came of it.
    """

    home: Path
    engine: AsyncEngine
    model: ModelClient
    is_enabled: bool
    export: Callable[[datetime], Awaitable[Json]]
    write_rows: Callable[[Path], Awaitable[int]]
    train: Callable[[Path, Path], Awaitable[None]]
    cases: Callable[[Path, str], Awaitable[Cases]]
    refit: Callable[[], Awaitable[Json]]
    post: Callable[[Summary, str], Awaitable[str]]
    limits: Limits = field(default_factory=Limits)


class NightWork:
    """One night's stages, in the folder of that night. Of a date that is run again, each run has its own."""

    def __init__(self, tools: Tools, *, day: date, run_id: str) -> None:
        self._tools = tools
        self._day = day
        self._run_id = run_id
        self.folder = tools.home / "nights" / run_id.partition(":")[2].replace(":", "-")

    async def do(self, stage: str, outcomes: Outcomes) -> Json:
        """The stage of that name, after those whose outcomes are given. Raises TrainingError and RouterError."""
        work: dict[str, Callable[[Outcomes], Awaitable[Json]]] = {
            "export": self.export,
            "curate": self.curate,
            "train": self.train,
            "gate": self.gate,
            "promote": self.promote,
            "refit": self.refit,
            "report": self.report,
        }
        return await work[stage](outcomes)

    async def export(self, _outcomes: Outcomes) -> Json:
        """All days before the night's own: today is not over."""
        midnight = datetime(self._day.year, self._day.month, self._day.day, tzinfo=UTC)
        return await self._tools.export(midnight)

    async def curate(self, _outcomes: Outcomes) -> Json:
        if not self._tools.is_enabled:
            return {"ended": SWITCHED_OFF}
        await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
        rows = self.folder / _ROWS
        try:
            count = await self._tools.write_rows(rows)
        except DataUnusable as error:
            return {"ended": str(error)}
        if not count:
            return {"ended": NOTHING_TO_LEARN}
        digest = await asyncio.to_thread(data_digest, rows)
        taught = await asyncio.to_thread(self._taught, digest)
        if taught in await asyncio.to_thread(self._learnt_before):
            return {"rows": count, "ended": NOTHING_NEW}
        return {"rows": count, "data_sha256": digest, "taught_sha256": taught}

    async def train(self, _outcomes: Outcomes) -> Json:
        await self._tools.train(self.folder / _ROWS, self.folder / _ADAPTER)
        await asyncio.to_thread(self._tell_what_was_taught)
        return await asyncio.to_thread(self._trained)

    async def gate(self, _outcomes: Outcomes) -> Json:
        """Challenger and champion side by side. Raises AdapterRefused, ModelError and JournalUnavailable."""
        tools = self._tools
        adapter = await load(self.folder / _ADAPTER, home=tools.home, model=tools.model)
        release = await Releases(tools.engine).in_service()
        base = served_base(adapter, await tools.model.models())
        in_service = release.adapter if release is not None else ""
        if release is not None and in_service:
            await tools.model.load_adapter(in_service, release.path)
        champion = in_service or base
        if champion == adapter.id:
            return {"adapter": adapter.id, "champion": champion, "ended": NOTHING_NEW}
        cases = await tools.cases(self.folder / _ROWS, in_service)
        trial = await hear(cases, tools.model, champion=champion, challenger=adapter.id, base=base)
        verdict = judge(trial, tools.limits)
        return {"adapter": adapter.id, "champion": champion, **_verdict_json(verdict)}

    async def promote(self, outcomes: Outcomes) -> Json:
        tools, adapter = self._tools, str(outcomes["gate"]["adapter"])
        if not outcomes["gate"]["is_better"]:
            # It stays in its place, should people want it all the same; the model server need not hold it.
            await tools.model.unload_adapter(adapter)
            return {"in_service": outcomes["gate"]["champion"], "is_promoted": False}
        await put_into_service(adapter, home=tools.home, engine=tools.engine, model=tools.model)
        return {"in_service": adapter, "is_promoted": True}

    async def refit(self, _outcomes: Outcomes) -> Json:
        return await self._tools.refit()

    async def report(self, outcomes: Outcomes) -> Json:
        page = self.folder / PAGE
        await asyncio.to_thread(self._finish, outcomes)
        summary = summary_of(self._day, outcomes, page=str(page))
        return {"says": summary.headline, "page": str(page), "posted": await self._tools.post(summary, self._run_id)}

    def _finish(self, outcomes: Outcomes) -> None:
        """Keep what came of the night. Rows and weights go: exports hold the ones, adapters the others."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / PAGE).write_text(report_page(self._day, outcomes), "utf-8")
        put_text(self.folder / RECORD, json.dumps(outcomes, indent=2) + "\n")
        for name in (_ROWS, KNOW_HOW, LINEAGE):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / _ADAPTER, ignore_errors=True)

    def _tell_what_was_taught(self) -> None:
        """It goes with the adapter: so the router knows what to ask it, and people what it learnt from."""
        for name in (KNOW_HOW, LINEAGE):
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, self.folder / _ADAPTER / name)

    def _taught(self, rows_digest: str) -> str:
        """The digest of what is taught: documents that came or changed, and are only rehearsed among, are no reason to train."""
        lineage = read_lineage_of_rows(self.folder)
        if lineage is None:
            return rows_digest
        taught = sorted(row.sha256 for row in lineage.rows if row.kind != "rehearsed")
        return hashlib.sha256("\n".join([lineage.recipe_sha256, *taught]).encode()).hexdigest()

    def _learnt_before(self) -> set[str]:
        """What nights taught in which an adapter was trained: the same would give the same one."""
        found: set[str] = set()
        for record in self.folder.parent.glob(f"*/{RECORD}"):
            outcomes = json.loads(record.read_bytes())
            gate = outcomes.get("gate", {})
            # One that was withdrawn may have to be trained anew from what is left, though that is the same rows.
            if "is_better" in gate and not is_withdrawn(self._tools.home / ADAPTERS / str(gate["adapter"])):
                found.add(outcomes["curate"].get("taught_sha256", outcomes["curate"]["data_sha256"]))
        return found

    def _trained(self) -> Json:
        folder = self.folder / _ADAPTER
        metrics: Json = json.loads((folder / METRICS).read_bytes())
        losses: list[float] = []
        if (folder / _LOSSES).is_file():
            losses = json.loads((folder / _LOSSES).read_bytes())["steps"]
        every = max(1, -(-len(losses) // _POINTS))
        return {**metrics, "losses": [round(loss, 4) for loss in losses[::every]]}


def _verdict_json(verdict: Verdict) -> Json:
    checks: list[Json] = []
    for check in verdict.checks:
        between = check.difference
        checks.append(
            {
                "name": check.name,
                "passed": check.passed,
                "says": check.says,
                "champion": check.champion,
                "challenger": check.challenger,
                "difference": [between.mean, between.low, between.high, between.n] if between else None,
            }
        )
    return {"is_better": verdict.is_better, "says": verdict.says, "checks": checks}
