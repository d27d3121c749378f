"""The sample handbook through the real parser, embedding model and index: each suggested question finds its answer."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import create_async_engine

from knowledge import tables
from knowledge.audience import EVERYONE, NOBODY, PUBLIC
from knowledge.library import Library, open_library
from knowledge.settings import KnowledgeSettings

_SAMPLE = Path(__file__).resolve().parents[2] / "bot" / "sample"
_QUESTIONS: list[dict[str, Any]] = json.loads((_SAMPLE / "questions.json").read_text(encoding="utf-8"))


@asynccontextmanager
async def opened_library(home: Path) -> AsyncGenerator[Library]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{home / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(tables.metadata.create_all)
    library = await open_library(KnowledgeSettings(home=home), engine)
    try:
        yield library
    finally:
        await library.close()
        await engine.dispose()


async def test_the_first_passages_hold_the_answers_to_the_suggested_questions(tmp_path: Path):
    async with opened_library(tmp_path) as library:
        results = [result async for result in library.ingest(str(_SAMPLE / "pages"), PUBLIC)]
        assert [(result.uri, result.error) for result in results if result.status != "added"] == []
        assert len(results) == 12
        for entry in _QUESTIONS:
            asked = f"{entry.get('after', '')} {entry['question']}".strip()
            found = await library.search(asked, EVERYONE, limit=3)
            holding = {
                Path(passage.uri).name for passage in found if any(gold in passage.text for gold in entry["gold"])
            }
            assert entry["page"] in holding, asked
        assert await library.search("How long is parental leave?", NOBODY) == []
