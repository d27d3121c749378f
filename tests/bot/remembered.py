"""What a home remembers of people and documents, put there piece by piece, to be forgotten."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

import bot.tables
import knowledge.tables
from bot.arrivals import Arrival
from bot.durable import Durable
from knowledge.documents import Document
from knowledge.index import PassageIndex, index_name, open_store
from knowledge.layout import DOCUMENT_ID
from knowledge.settings import KnowledgeSettings
from router.exchanges import Exchange
from router.releases import Release, Releases
from tests.knowledge.fakes import WordEmbedding
from tests.knowledge.points import points_on_disk
from tests.training.data.samples import DAY, NEXT, ON, PASSAGE, exchange
from tests.training.lineages import learnt, lineage
from training.data.ledger import catch_up
from training.lineage import LearntDocument, LearntRow, write_lineage

ALL_OF_IT = ON.model_copy(update={"training_holdout_share": 0.0})
DOCUMENT = "00000000-0000-0000-0000-000000000001"


def asked(exchange_id: str, **changes: Any) -> Exchange:
    return exchange(exchange_id, **{"question": f"{exchange_id}: what is the {exchange_id * 5} for?", **changes})


async def exported(home: Path, engine: AsyncEngine) -> None:
    [_ async for _ in catch_up(engine, home / "exports", until=NEXT, settings=ALL_OF_IT)]


def add_adapter(
    home: Path, name: str, *exchange_ids: str, people: tuple[str, ...] = ("U1",), shown: tuple[LearntDocument, ...] = ()
) -> Path:
    folder = home / "adapters" / name
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / "metrics.json").write_text('{"data_sha256": "d"}')
    rows = (
        *(LearntRow(sha256="s", kind="liked", exchange_id=each) for each in exchange_ids),
        *(LearntRow(sha256="s", kind="rehearsed", documents=(each.id,)) for each in shown),
    )
    exchanges = [learnt(each, people=people, feedback=()) for each in exchange_ids]
    write_lineage(folder, lineage(*exchanges, documents=shown, rows=rows))
    return folder


async def promoted(engine: AsyncEngine, folder: Path) -> None:
    release = Release(adapter=folder.name, path=str(folder), base="tiny", promoted_at=DAY)
    await Releases(engine).put_in_service(release)


async def add_document(engine: AsyncEngine, **values: Any) -> None:
    row = {
        "id": DOCUMENT, "uri": "u", "title": "Leave", "scope": "public", "content_hash": "", "chunks": 1, "ingested_at": DAY,
        "number": 7, "place": "", "added_by": "", "added_in": "", "ingest_id": "", "added_at": DAY, "cut": "",
        "fingerprint": "", "validator_url": "", "etag": "", "last_modified": "", "missing_since": None, "overheard": False,
        **values,
    }  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(knowledge.tables.documents).values(row))


def showing(document_id: str) -> tuple[Any, ...]:
    return (replace(PASSAGE, document_id=document_id, uri="elsewhere"),)


def page(uri: str, text: str = "The roof is for sunny days.") -> Document:
    return Document(uri=uri, title="Roof", text=text, scope="public")


async def add_passages(settings: KnowledgeSettings, *pages: Document) -> None:
    """Into the index alone: the catalogue does not list them."""
    store = open_store(settings, index_name(settings))
    index = PassageIndex(store=store, embedding=WordEmbedding(), chunk_tokens=settings.chunk_tokens)
    for each in pages:
        await index.add(each)
    await index.settle()
    await index.close()


def documents_in_index(settings: KnowledgeSettings) -> set[str]:
    """The ids of those of which a passage lies in the embedded index, which no process has open."""
    points = points_on_disk(settings.home / "index" / index_name(settings))
    return {payload[DOCUMENT_ID] for payload, _, _ in points.values()}


async def add_delivery(engine: AsyncEngine, key: str, person: str) -> None:
    """A question as it arrived, and was answered."""
    arrived = {"team": "T", "channel": "C", "question_ts": "1", "thread_ts": "1", "version": "", "updated_at_us": 0}
    row = {**arrived, "question_key": key, "exchange_id": key, "asker": person, "text": f"{key}?", "state": "answered"}
    async with engine.begin() as connection:
        await connection.execute(insert(bot.tables.deliveries).values(row))


async def add_work(database_url: str, *asked: tuple[str, str]) -> None:
    """What a bot has done of questions, each with its key and the person who asked."""

    async def handle(work_id: str, kind: str, payload: dict[str, Any]) -> None:
        return None

    durable = Durable(database_url=database_url, executor_id="bot-1", handler=handle)
    durable.launch()
    for key, person in asked:
        payload = {"key": key, "user": person, "text": f"{key}?"}
        await durable.store(Arrival(id=key, kind="question", payload=payload))
        await durable.result(key)
    await durable.close()
