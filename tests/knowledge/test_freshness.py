from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge.audience import EVERYONE, PUBLIC
from knowledge.documents import Document, Passage
from knowledge.freshness import favour_new
from knowledge.library import Library
from knowledge.settings import KnowledgeSettings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


def hit(name: str, score: float, age: timedelta | None) -> Passage:
    return Passage(
        chunk_id=name,
        document_id="d",
        title=name,
        uri="u",
        section="",
        text=name,
        scope=PUBLIC,
        content_hash="h",
        score=score,
        similarity=0.5,
        modified_at=None if age is None else NOW - age,
    )


def order(*hits: Passage, weight: float) -> list[str]:
    return [each.title for each in favour_new(hits, weight=weight, half_life=YEAR / 2, now=NOW)]


def test_without_a_weight_the_order_stays() -> None:
    assert order(hit("old", 0.02, 5 * YEAR), hit("new", 0.02, timedelta()), weight=0) == ["old", "new"]


def test_a_small_weight_breaks_a_tie_and_no_more() -> None:
    ranks = [1.4 / (2 + rank) for rank in (7, 8)]
    assert order(hit("old", ranks[1], 5 * YEAR), hit("new", ranks[1], timedelta()), weight=0.05) == ["new", "old"]
    assert order(hit("old", ranks[0], 5 * YEAR), hit("new", ranks[1], timedelta()), weight=0.05) == ["old", "new"]


def test_half_of_the_weight_is_left_after_a_half_life() -> None:
    [aged] = favour_new([hit("aged", 1.0, YEAR / 2)], weight=0.4, half_life=YEAR / 2, now=NOW)
    assert aged.score == pytest.approx(1.2)


@pytest.mark.parametrize("age", [None, -YEAR])
def test_no_date_and_a_date_to_come_count_as_none_and_today(age: timedelta | None) -> None:
    [found] = favour_new([hit("x", 1.0, age)], weight=0.5, half_life=YEAR, now=NOW)
    assert found.score == (1.0 if age is None else 1.5)


@pytest.fixture
def settings(tmp_path: Path, weight: float) -> KnowledgeSettings:
    return KnowledgeSettings(home=tmp_path / "home", freshness_weight=weight)


@pytest.mark.parametrize(("weight", "first"), [(0.0, "old"), (0.9, "new")])
async def test_a_new_document_goes_first_where_the_setting_says_so(library: Library, first: str) -> None:
    now = datetime.now(UTC)
    for name, text, at in [("old", "tea tea tea", now - 5 * YEAR), ("new", "tea and more of other words", now)]:
        document = Document(uri=f"file:///{name}", title=name, text=text, scope=PUBLIC, modified_at=at)
        chunks = await library._index.add(document)
        await library._catalogue.put(document, content_hash=library._index.content_hash(document), chunks=chunks)
    [found, *_] = await library.search("tea", EVERYONE)
    assert found.title == first
