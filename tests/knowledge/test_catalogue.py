import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import create_async_engine

from knowledge.audience import EVERYONE
from knowledge.catalogue import Catalogue
from knowledge.documents import Document
from knowledge.errors import KnowledgeError
from knowledge.tables import documents, metadata

DOCUMENT = Document(uri="file:///leave.md", title="Leave", text="Thirty days.", scope="public")


@pytest.mark.parametrize("method", ["versions", "put", "remove", "count", "listed", "numbered"])
async def test_database_that_fails_is_said_in_a_sentence_for_people(tmp_path: Path, method: str) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    catalogue = Catalogue(engine)
    calls = {
        "versions": lambda: catalogue.versions({DOCUMENT.id}),
        "put": lambda: catalogue.put(DOCUMENT, content_hash="h", chunks=1),
        "remove": lambda: catalogue.remove(DOCUMENT.id),
        "count": lambda: catalogue.count(EVERYONE),
        "listed": lambda: catalogue.listed(EVERYONE),
        "numbered": lambda: catalogue.numbered(12345, EVERYONE),
    }
    with pytest.raises(KnowledgeError, match="try again"):
        await calls[method]()
    await engine.dispose()


async def test_number_that_another_process_draws_at_the_same_time_is_drawn_anew(postgres_url: str) -> None:
    engine = create_async_engine(postgres_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    draws = iter([0, 1])
    catalogue = Catalogue(engine, draw=lambda _: next(draws))
    await Catalogue(engine, draw=lambda _: 0).put(DOCUMENT, content_hash="h", chunks=1)
    async with engine.connect() as other:
        # Until it is committed, nobody sees that the number is taken.
        row = (await other.execute(delete(documents).returning(documents))).one()
        await other.commit()
        await other.execute(insert(documents).values(row._asdict()))
        putting = asyncio.create_task(catalogue.put(replace(DOCUMENT, uri="file:///a"), content_hash="h", chunks=1))
        await asyncio.sleep(0.5)
        assert not putting.done()
        await other.commit()
    await putting
    assert {entry.number for entry in await catalogue.listed(EVERYONE)} == {10_000, 10_001}
    await engine.dispose()
