"""The stages of a night, put together from the parts of both sides: what each does is training's."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.assembly import Configuration, open_database
from bot.control import RemoteOperations
from bot.errors import BotError
from bot.failpoints import STAGES
from bot.night_command import train_in_a_process
from bot.night_post import NightPost, post_night
from bot.nights import Night, Outcomes, Stage
from bot.reach import reach_operations
from bot.shapes import Json
from knowledge.errors import KnowledgeError
from knowledge.in_service import ServiceRecord
from knowledge.index import index_name
from router.errors import RouterError
from router.journal import Journal
from router.model import ModelClient
from router.policies import Policies
from router.refit import refit
from router.releases import Releases
from training.errors import TrainingError
from training.nightly.cases import cases_of
from training.nightly.files import RECORD
from training.nightly.passages import TeamPassage, no_passages
from training.nightly.report import Summary
from training.nightly.rows import write_night_rows
from training.nightly.work import ALWAYS, NightWork, Tools
from training.settings import TrainingSettings

_log = logging.getLogger(__name__)
_RECIPE = files("training") / "recipes" / "nightly.yaml"


def is_missed(home: Path, day: date) -> bool:
    """Whether a night is to be made up for: nothing tells how it ended, though there were nights before."""
    nights = home / "nights"
    return nights.is_dir() and any(nights.iterdir()) and not (nights / day.isoformat() / RECORD).exists()


def night_stages(
    configuration: Configuration, switch: TrainingSettings, engine: AsyncEngine, model: ModelClient
) -> list[Stage]:
    """What `tandem nightly` does, stage by stage, with the trainer's parts where it is installed."""
    home, exports, recipe = configuration.home, configuration.home / "exports", Path(str(_RECIPE))

    async def export_until(moment: datetime) -> Json:
        return await export_nightly(engine, exports, moment, switch)

    async def write_rows(out: Path) -> int:
        return await write_night_rows(
            exports,
            out,
            recipe=recipe,
            home=home,
            engine=engine,
            model=model,
            passages=partial(passages_of_documents, configuration) if switch.training_documents else no_passages,
        )

    async def train_apart(rows: Path, out: Path) -> None:
        said = await train_in_a_process(configuration, [str(_RECIPE), "--data", str(rows), "--out", str(out)])
        if not (out / "canaries.json").is_file():
            raise TrainingError(f"The training ended early: {said}")

    async def refit_router() -> Json:
        policies = Policies(configuration.policies)
        return asdict(await refit(journal=Journal(engine), releases=Releases(engine), policies=policies))

    async def post(summary: Summary, work_id: str) -> str:
        return await post_night(configuration.bot, NightPost(**asdict(summary)), work_id=work_id)

    tools = Tools(
        home=home,
        engine=engine,
        model=model,
        is_enabled=switch.training_enabled,
        export=export_until,
        write_rows=write_rows,
        train=train_apart,
        cases=partial(cases_of, exports=exports, engine=engine),
        refit=refit_router,
        post=post,
    )

    def stage(name: str) -> Stage:
        async def work(night: Night, outcomes: Outcomes) -> Json:
            try:
                return await NightWork(tools, day=night.day, run_id=night.id).do(name, outcomes)
            except (RouterError, TrainingError) as error:
                raise BotError(str(error)) from error

        return Stage(name=name, work=work, always=name in ALWAYS)

    return [stage(name) for name in STAGES]


async def passages_of_documents(configuration: Configuration, limit: int, seed: int) -> Sequence[TeamPassage]:
    """What the process that owns the index may give; none where it cannot: a night teaches its corrections all the same."""
    try:
        if not await RemoteOperations(configuration.home).reachable():
            await _refuse_another_index(configuration)
        async with reach_operations(configuration, needs_model=False, progress=_log.info) as operations:
            found = await operations.learnable(limit=limit, seed=seed)
    except (BotError, KnowledgeError) as error:
        _log.warning("the night's rows show no passages of the team's documents: %s", error)
        return ()
    return [TeamPassage(**each) for each in found]


async def _refuse_another_index(configuration: Configuration) -> None:
    """A night elsewhere may have other settings: opening the index by them would change the team's record of it."""
    async with open_database(configuration) as engine:
        noted = await ServiceRecord(engine).read()
    if noted is None or noted.name != index_name(configuration.knowledge):
        raise BotError("another index is in service")


async def export_nightly(engine: AsyncEngine, exports: Path, until: datetime, settings: TrainingSettings) -> Json:
    """Each day that is missing or has changed: people vote and correct for days after the answer."""
    try:
        from training.data.ledger import catch_up
    except ModuleNotFoundError as error:
        raise BotError(f"feedback is not exported: the trainer is not installed ({error.name} is missing)") from error
    rows, withheld, days = Counter[str](), Counter[str](), 0
    async for done in catch_up(engine, exports, until=until, settings=settings):
        days += 1
        rows.update(done.rows)
        withheld.update(done.withheld)
    return {"days": days, "rows": dict(rows), "withheld": dict(withheld)}
