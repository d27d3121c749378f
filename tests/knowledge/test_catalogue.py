from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from knowledge.audience import EVERYONE
from knowledge.catalogue import Catalogue
from knowledge.documents import Document
from knowledge.errors import KnowledgeError

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
