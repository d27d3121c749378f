"""What is to be forgotten, wherever it may be learnt from or was: counted, and purged in steps that may be cut off."""

import asyncio
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from router.model import ModelClient
from training.data.corrections import fact_place
from training.forgetting.files import count_in_exports, delete_days, delete_nights_work, nights_at_work
from training.forgetting.journal import count_in_journal, days_waiting, delete_from_journal
from training.forgetting.plan import Plan, Target
from training.settings import TrainingSettings
from training.withdrawal import adapter_folders, learners_of, lineage_of, remains_of, withdraw


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where it is looked for. `model` is None where no model server is reached."""

    home: Path
    engine: AsyncEngine
    model: ModelClient | None
    settings: TrainingSettings

    @property
    def exports(self) -> Path:
        return self.home / "exports"

    @property
    def nights(self) -> Path:
        return self.home / "nights"


async def count_learnt(target: Target, plan: Plan, places: Places) -> Mapping[str, int]:
    """How much there is, by place. Raises JournalUnavailable and ModelError."""
    sought = plan.sought(target)
    learners = await learners_of(sought, home=places.home, engine=places.engine)
    remains = await remains_of(home=places.home, engine=places.engine, model=places.model)
    waiting = await days_waiting(plan, places.engine)
    facts = [fact_place(places.home, each) for each in plan.feedback]
    return {
        **await count_in_journal(plan, places.engine),
        "facts": sum(await asyncio.to_thread(lambda: [fact.exists() for fact in facts])),
        "exports to be written anew": await asyncio.to_thread(_there, waiting, places.exports),
        "rows in exports": await asyncio.to_thread(count_in_exports, plan, places.exports),
        "rows and weights of nights": len(await asyncio.to_thread(nights_at_work, sought, places.nights)),
        "adapters": len({*learners, *remains}),
    }


async def was_learnt(target: Target, plan: Plan, places: Places) -> bool:
    """Whether a lineage names it: not only may an adapter have learnt from it, one did."""
    folders = await adapter_folders(places.home, places.engine)
    lineages = await asyncio.to_thread(lambda: [lineage_of(folder) for folder in folders.values()])
    sought = plan.sought(target)
    return any(lineage.names(sought) for lineage in lineages if lineage is not None)


async def forget_learnt(
    target: Target, plan: Plan, places: Places, reached: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Purge it, and return the adapters that are withdrawn now. Documents are others' to take out.

    `reached` is called after each step. Raises JournalUnavailable, ExportBusy and ModelError; again, it goes on.
    """
    sought = plan.sought(target)
    # First what is answered from. That it goes does not depend on the journal any more, which goes next.
    withdrawn = await withdraw(sought, home=places.home, engine=places.engine, model=places.model, reached=reached)
    await delete_from_journal(plan, places.engine)
    reached("journal")
    for each in plan.feedback:
        await asyncio.to_thread(fact_place(places.home, each).unlink, missing_ok=True)
    reached("facts")
    await _export_anew(await days_waiting(plan, places.engine), places)
    reached("exported")
    await asyncio.to_thread(delete_days, plan, places.exports)
    reached("days")
    await asyncio.to_thread(delete_nights_work, sought, places.nights)
    reached("nights")
    return withdrawn


def _there(days: Iterable[str], exports: Path) -> int:
    return sum((exports / day).is_dir() for day in days)


async def _export_anew(days: Collection[str], places: Places) -> None:
    """From what is left. Without the trainer these days are deleted: its next export writes them."""
    if not days:
        return
    try:
        from training.data.ledger import catch_up  # noqa: PLC0415
    except ModuleNotFoundError:
        for day in days:
            await asyncio.to_thread(shutil.rmtree, places.exports / day, ignore_errors=True)
        return
    until = datetime.now(UTC)
    async for _ in catch_up(places.engine, places.exports, until=until, settings=places.settings):
        pass
