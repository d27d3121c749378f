"""Something forgotten wherever it stands, and the proof that nothing of it is left."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.assembly import Configuration, open_database
from bot.control import RemoteOperations
from bot.database import durable_url
from bot.errors import BotError, UnknownDocument
from bot.failpoints import Failpoints
from bot.night_command import alone
from bot.printing import say
from bot.reach import reach_operations
from bot.shapes import Json
from bot.stored_words import StoredWords, Words, clear_deliveries, count_deliveries
from knowledge.tables import documents
from router.model import ModelClient
from router.releases import Releases
from training.errors import TrainingError
from training.forgetting.learnt import Places, count_learnt, forget_learnt, was_learnt
from training.forgetting.plan import Plan, Target, drop_plan, find, keep_plan, kept_plan
from training.settings import TrainingSettings

_INDEXED = "passages in the index"
_NOT_REACHED = (
    "Slack's own messages: delete them there, or what was asked comes back with the thread that it stands in",
    "backups, files that tandem export --out wrote elsewhere, and adapters that were copied elsewhere",
    "an index on a Qdrant server that was begun for another embedding model and never finished",
    "the router's policies: figures that votes had a part in; tandem route refit fits them anew, from what is left",
)


async def forget_all(configuration: Configuration, target: Target, switch: TrainingSettings) -> Json:
    """Purge it, and say of each place how much was found there and how much is left.

    Cut off anywhere and done again, it comes to its end. Raises NightBusy, and BotError where nothing is known of it.
    """
    async with _opened(configuration, target, switch) as forgetting:
        is_begun = kept_plan(target, configuration.home) != Plan()
        plan = await forgetting.plan()
        before = await forgetting.count(plan)
        others = {place: count for place, count in before.items() if place != "adapters"}
        is_known = (
            is_begun
            or any(others.values())
            or await was_learnt(target, plan, forgetting.places)
            or await forgetting.count_indexed(plan)
        )
        if not is_known:
            raise BotError(f"nothing is known of {target.kind} {target.name}, so nothing was done")
        keep_plan(target, plan, configuration.home)
        forgetting.reached("planned")
        withdrawn, indexed = await forgetting.purge(plan)
        before = {**before, _INDEXED: indexed}
        # Asked anew: what came meanwhile is left, too.
        plan = await forgetting.plan()
        after = {**await forgetting.count(plan), _INDEXED: await forgetting.count_indexed(plan)}
        forgetting.reached("counted")
        release = await Releases(forgetting.engine).in_service()
        if not any(after.values()):
            drop_plan(target, configuration.home)
        unreached = () if forgetting.places.model else ("the model server, which did not answer",)
        return {
            "forgotten": {target.kind: target.name},
            "places": {place: {"found": before[place], "left": after[place]} for place in after},
            "withdrawn": withdrawn,
            "in_service": release.adapter if release else "",
            "not_reached": [*unreached, *_NOT_REACHED],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forgetting:
    configuration: Configuration
    target: Target
    places: Places
    stored: StoredWords
    failpoints: Failpoints

    def reached(self, step: str) -> None:
        self.failpoints.reached(f"forget_{step}")

    @property
    def engine(self) -> AsyncEngine:
        return self.places.engine

    async def plan(self) -> Plan:
        """With what a run before had found, which may be deleted by now."""
        home = self.configuration.home
        return await find(self.target, kept_plan(self.target, home), home=home, engine=self.engine)

    async def count(self, plan: Plan) -> Mapping[str, int]:
        return {
            **await count_learnt(self.target, plan, self.places),
            "questions as they arrived": await count_deliveries(self._words(plan), self.engine),
            "stored work": await self.stored.count(self._words(plan)),
        }

    async def count_indexed(self, plan: Plan) -> int:
        """What the index itself holds, whatever the catalogue says. Raises KnowledgeError."""
        if not plan.documents:
            return 0
        async with reach_operations(self.configuration, needs_model=False, progress=say) as operations:
            return sum((await operations.indexed(sorted(plan.documents))).values())

    async def purge(self, plan: Plan) -> tuple[list[str], int]:
        """The adapters that are withdrawn now, and how many passages the index held."""
        try:
            withdrawn = await forget_learnt(self.target, plan, self.places, self.reached)
        except TrainingError as error:
            raise BotError(str(error)) from error
        indexed = await _take_out(self.configuration, plan.documents, self.engine)
        self.reached("documents")
        await clear_deliveries(self._words(plan), self.engine)
        self.reached("deliveries")
        await self.stored.delete(self._words(plan))
        self.reached("work")
        return withdrawn, indexed

    def _words(self, plan: Plan) -> Words:
        ids = frozenset(plan.exchanges | plan.feedback)
        return Words(ids=ids, person=self.target.name if self.target.kind == "user" else "")


@asynccontextmanager
async def _opened(
    configuration: Configuration, target: Target, switch: TrainingSettings
) -> AsyncGenerator[_Forgetting]:
    """No night may run beside it: it would learn from what is being forgotten. Raises NightBusy."""
    model = ModelClient(url=configuration.model_url, settings=configuration.router)
    try:
        with alone(configuration):
            async with open_database(configuration) as engine:
                reached = model if await model.ready() else None
                running = await RemoteOperations(configuration.home).reachable()
                yield _Forgetting(
                    configuration=configuration,
                    target=target,
                    places=Places(home=configuration.home, engine=engine, model=reached, settings=switch),
                    stored=StoredWords(durable_url(configuration.database), is_bot_running=running),
                    failpoints=Failpoints(name=configuration.bot.failpoint),
                )
    finally:
        await model.aclose()


async def _take_out(configuration: Configuration, ids: set[str], engine: AsyncEngine) -> int:
    """Those in the catalogue, and what the index holds of others; returns how many passages it held of all of them."""
    if not ids:
        return 0
    async with engine.connect() as connection:
        wanted = select(documents.c.number, documents.c.scope).where(documents.c.id.in_(sorted(ids)))
        known = (await connection.execute(wanted)).all()
    async with reach_operations(configuration, needs_model=False, progress=say) as operations:
        indexed = await operations.indexed(sorted(ids))
        for number, scope in known:
            try:
                await operations.remove(str(number), audience=scope)
            except UnknownDocument:
                say(f"document {number} was taken out by somebody else meanwhile")
        # An ingest that was killed leaves passages of a document that nothing lists.
        unlisted = await operations.indexed(sorted(ids))
        if unlisted:
            await operations.clear_index(sorted(unlisted))
    return sum(indexed.values())
