"""What is to be forgotten, found before anything is deleted and kept until nothing of it is left.

Only ids are kept: without them a run that was killed could not tell any more what it had begun to forget.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import ColumnElement, Text, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from knowledge.audience import PUBLIC
from knowledge.documents import document_id
from knowledge.tables import documents
from router.ids import batches, starts_of
from router.tables import exchanges, feedback
from router.transactions import transaction
from training.data.corrections import fact_place
from training.forgetting.carried import carrying
from training.lineage import Sought, read_lineage_of_rows
from training.nightly.files import put_text
from training.tables import training_members
from training.withdrawal import adapter_folders

FOLDER = "forgetting"
Kind = Literal["exchange", "user", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An exchange's id, a person's id in Slack, or a document's id, number or link."""

    kind: Kind
    name: str

    @property
    def people(self) -> frozenset[str]:
        return frozenset({self.name} if self.kind == "user" else ())


class Plan(BaseModel):
    """`carrying` are exchanges of others whose prompts repeat what is forgotten; `days` the windows that all these are in.

    `feedback` is what was said on the exchanges, or by the person; `documents` are the one that was named, and facts
    that were taken in from corrections among the feedback.
    """

    model_config = ConfigDict(extra="forbid")

    exchanges: set[str] = set()
    carrying: set[str] = set()
    feedback: set[str] = set()
    documents: set[str] = set()
    days: set[str] = set()

    def sought(self, target: Target) -> Sought:
        return Sought(
            exchanges=frozenset(self.exchanges),
            feedback=frozenset(self.feedback),
            people=target.people,
            documents=frozenset(self.documents),
        )

    def size(self) -> int:
        return sum(len(each) for each in (self.exchanges, self.carrying, self.feedback, self.documents, self.days))


async def find(target: Target, known: Plan, *, home: Path, engine: AsyncEngine) -> Plan:
    """All that is there now, added to what was known before. Raises JournalUnavailable."""
    plan = known.model_copy(deep=True)
    if target.kind == "document":
        plan.documents |= await _documents_learnt(target.name, home, engine)
        # One whose first ingest was cut off may lie in the index alone.
        plan.documents |= {target.name} if _is_id(target.name) else {document_id(target.name, PUBLIC)}
    async with transaction(engine) as connection:
        if target.kind == "exchange":
            plan.exchanges.add(target.name)  # an export may hold what the journal does not any more
        if target.kind == "document":
            plan.documents |= await _documents_named(target.name, connection)
        before = -1
        # A correction that became a document stands in the prompts of others, and so on.
        while plan.size() != before:
            before = plan.size()
            plan.exchanges |= await _exchanges(target, plan, connection)
            plan.feedback |= await _feedback(target, plan, connection)
            plan.documents |= await _facts(plan, home, connection)
        told = await carrying(plan.exchanges, connection)
        plan.carrying |= told.carrying - plan.exchanges
        plan.days |= told.days | await _days(plan, connection)
    return plan


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def kept_plan(target: Target, home: Path) -> Plan:
    """That of a run which did not come to its end; an empty one where there was none."""
    try:
        return Plan.model_validate_json(_place(target, home).read_bytes())
    except (FileNotFoundError, ValidationError):
        return Plan()


def keep_plan(target: Target, plan: Plan, home: Path) -> None:
    _place(target, home).parent.mkdir(mode=0o700, exist_ok=True)
    put_text(_place(target, home), plan.model_dump_json() + "\n")


def drop_plan(target: Target, home: Path) -> None:
    _place(target, home).unlink(missing_ok=True)


def _place(target: Target, home: Path) -> Path:
    named = hashlib.sha256(f"{target.kind} {target.name}".encode()).hexdigest()[:16]
    return home / FOLDER / f"{named}.json"


async def _documents_named(name: str, connection: AsyncConnection) -> set[str]:
    """Those in the catalogue, whoever may read them, and such as are gone from it and were shown once."""
    table = documents.c
    is_named = or_(table.id == name, table.uri == name, table.place == name)
    if name.isdecimal() and len(name) <= 9:  # noqa: PLR2004 - as many digits as every database holds
        is_named |= table.number == int(name)
    found = set((await connection.execute(select(table.id).where(is_named))).scalars())
    async for _, shown in _shown({name}, connection):
        found |= {each["document_id"] for each in shown if name in {each["document_id"], each["uri"]}}
    return found


async def _documents_learnt(name: str, home: Path, engine: AsyncEngine) -> set[str]:
    """Those that an adapter was shown, or is about to be, by id or link: the catalogue may not hold them any more."""
    folders = [*(await adapter_folders(home, engine)).values(), *(home / "nights").glob("*")]
    lineages = await asyncio.to_thread(lambda: [read_lineage_of_rows(folder) for folder in folders])
    learnt = [document for lineage in lineages if lineage is not None for document in lineage.documents]
    return {document.id for document in learnt if name in {document.id, document.uri}}


async def _exchanges(target: Target, plan: Plan, connection: AsyncConnection) -> set[str]:
    found = set(plan.exchanges)
    if target.kind == "exchange":
        its_id = exchanges.c.exchange_id
        is_its = or_(its_id == target.name, its_id.startswith(f"{target.name}:", autoescape=True))
        found |= set((await connection.execute(select(its_id).where(is_its))).scalars())
    if target.kind == "user":
        asked = select(exchanges.c.exchange_id).where(exchanges.c.asker == target.name)
        theirs = set((await connection.execute(asked)).scalars())
        everyones = (await connection.execute(select(exchanges.c.exchange_id))).scalars()
        # Answered by another route at somebody else's wish, it is still their question.
        found |= {each for each in everyones if each in theirs or any(start in theirs for start in starts_of(each))}
    async for exchange_id, shown in _shown(plan.documents, connection):
        if plan.documents & {each["document_id"] for each in shown}:
            found.add(exchange_id)
    return found


async def _shown(
    named: Collection[str], connection: AsyncConnection
) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Exchanges with the passages and sources that they show, of those in which one of these words occurs."""
    table = exchanges.c
    # As their JSON has them. SQLite takes a thousand conditions in one.
    words = [json.dumps(each)[1:-1] for each in named]
    for some in batches(words, at_once=100):
        columns = [type_coerce(column, Text) for column in (table.passages, table.sources)]
        holds = [column.contains(word, autoescape=True) for column in columns for word in some]
        asked = select(table.exchange_id, table.passages, table.sources).where(or_(*holds))
        for row in await connection.execute(asked):
            yield row.exchange_id, [*row.passages, *row.sources]


async def _feedback(target: Target, plan: Plan, connection: AsyncConnection) -> set[str]:
    table = feedback.c
    conditions: list[ColumnElement[bool]] = [table.exchange_id.in_(some) for some in batches(plan.exchanges)]
    if target.kind == "user":
        conditions.append(table.person == target.name)
    found = set[str]()
    for condition in conditions:
        found |= set((await connection.execute(select(table.feedback_id).where(condition))).scalars())
    return found


async def _facts(plan: Plan, home: Path, connection: AsyncConnection) -> set[str]:
    """Documents that were made of corrections."""
    found = set[str]()
    for some in batches(plan.feedback):
        places = [str(fact_place(home, each)) for each in some]
        asked = select(documents.c.id).where(or_(documents.c.place.in_(places), documents.c.uri.in_(places)))
        found |= set((await connection.execute(asked)).scalars())
    return found


async def _days(plan: Plan, connection: AsyncConnection) -> set[str]:
    """Of exchanges that were exported in another window than they were asked in, and of others that were spoken of."""
    found = set[str]()
    for some in batches(plan.exchanges | plan.carrying):
        starts = select(training_members.c.start).where(training_members.c.exchange_id.in_(some))
        found |= {f"{start:%Y-%m-%d}" for start in (await connection.execute(starts)).scalars()}
    for some in batches(plan.feedback):
        on = select(exchanges.c.asked_at).join(feedback, feedback.c.exchange_id == exchanges.c.exchange_id)
        asked = (await connection.execute(on.where(feedback.c.feedback_id.in_(some)))).scalars()
        found |= {f"{at:%Y-%m-%d}" for at in asked}
    return found
