"""Files that are meant to do harm, or that only look odd: refused or read as what they are, and the next one is read."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import MetadataMode
from llama_index.core.vector_stores.utils import metadata_dict_to_node
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from knowledge.audience import EVERYONE
from knowledge.catalogue import Catalogue
from knowledge.documents import Document
from knowledge.edge_store import EdgeStore
from knowledge.errors import SourceError, SourceUnreadable
from knowledge.library import Library
from knowledge.parsing import Parsed, Parser
from knowledge.settings import KnowledgeSettings
from knowledge.tables import documents, metadata
from tests.knowledge.fakes import index_of
from tests.knowledge.office import document
from tests.knowledge.points import points_in

OFFICE_KINDS = ["docx", "xlsx", "odt"]
_NO_NAME = re.compile(r"[/\0]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@pytest.fixture
async def parser(settings: KnowledgeSettings) -> AsyncIterator[Parser]:
    parser = Parser(settings)
    yield parser
    await parser.close()


async def read(parser: Parser, data: bytes, name: str) -> Parsed | None:
    """None where it is refused."""
    try:
        return await parser.parse(data, name=name)
    except SourceError:
        return None


@pytest.mark.parametrize("kind", OFFICE_KINDS)
async def test_an_office_document_is_read(parser: Parser, kind: str) -> None:
    assert "Tea is at four." in (await parser.parse(document(kind, "Tea is at four."), name=f"a.{kind}")).text


@pytest.mark.data
async def test_every_bomb_is_refused_in_whatever_office_document_it_stands(parser: Parser, data_dir: Path) -> None:
    bombs = {path.stem: path.read_bytes() for path in (data_dir / "security" / "xml-bombs").glob("*.xml")}
    armed = {name: bomb.decode() for name, bomb in bombs.items() if b"<!ENTITY" in bomb}
    assert len(armed) == 6
    for name, bomb in armed.items():
        prolog, end, element = bomb.partition("]>")
        reference = re.findall(r"&\w+;", element)[0]
        prolog = re.sub(
            r"<!DOCTYPE \w+", "<!DOCTYPE x", prolog.replace("/PATH/TO/xmltestdata/simple.xml", "/etc/passwd")
        )
        for kind in OFFICE_KINDS:
            for encoded in ("utf-8", "utf-16"):
                data = document(kind, f"start {reference} end", prolog=prolog + end, encoding=encoded)
                with pytest.raises(SourceUnreadable, match="XML entities"):
                    await parser.parse(data, name=f"{name}.{kind}")
    assert (await parser.parse(b"next", name="next.txt")).text == "next"


@pytest.mark.data
@pytest.mark.parametrize("kind", ["xml", "html", "md", "txt", "csv", "docx", "pptx", "xlsx", "odt", "pdf"])
async def test_no_bomb_goes_off_under_whatever_name_it_comes(parser: Parser, data_dir: Path, kind: str) -> None:
    for path in sorted((data_dir / "security" / "xml-bombs").glob("*.xml")):
        bomb = path.read_bytes().replace(b"/PATH/TO/xmltestdata/simple.xml", b"/etc/passwd")
        parsed = await read(parser, bomb, f"{path.stem}.{kind}")
        assert parsed is not None or kind not in {"html", "md", "txt", "csv"}
        if parsed is not None:
            # As a table, each line gets its bars.
            assert len(parsed.text) <= len(bomb) + 4 * (bomb.count(b"\n") + 2)
            assert "root:" not in parsed.text


async def test_a_damaged_part_hides_no_bomb_in_another(parser: Parser) -> None:
    armed = document("docx", "start &a; end", prolog='<!DOCTYPE x [<!ENTITY a "123">]>')
    data = bytearray(armed)
    types = data.index(b"[Content_Types].xml") + len(b"[Content_Types].xml")
    data[types : types + 8] = b"\xff" * 8
    with pytest.raises(SourceUnreadable, match="XML entities"):
        await parser.parse(bytes(data), name="a.docx")


@pytest.mark.parametrize("name", ["\x01\x02.txt", "\u200b.txt", "\u2029 .txt", "\u202e\u0301.txt"])
async def test_a_document_whose_name_cannot_be_seen_is_untitled(parser: Parser, name: str) -> None:
    assert (await parser.parse(b"Tea is at four.", name=name)).title == "Untitled"


async def test_a_heading_that_cannot_be_seen_gives_way_to_the_name(parser: Parser) -> None:
    assert (await parser.parse("# \u200b\n\nTea is at four.".encode(), name="tea.md")).title == "tea"


@pytest.fixture(scope="module")
def naughty(data_dir: Path) -> list[str]:
    return json.loads((data_dir / "security" / "blns" / "blns.json").read_text())


@pytest.mark.data
async def test_naughty_names_and_texts_are_kept_as_they_are(
    library: Library, naughty: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "naughty"
    folder.mkdir()
    for number, text in enumerate(naughty):
        (folder / f"{number:03} {as_name(text)}.txt").write_text(f"This is number {number}.\n{text}", newline="")
    results = [result async for result in library.ingest(str(folder), "public")]
    assert [result.error for result in results if result.error] == []
    assert await library.count(EVERYONE) == len(naughty) == len(results)
    kept = await texts_by_address(library)
    for number, (text, result) in enumerate(zip(naughty, results, strict=True)):
        assert letters(result.title) == letters(f"{number:03} {as_name(text)}"[:120]), number
        assert letters(kept[result.uri]) == letters(f"This is number {number}.{text}"), number


@pytest.mark.data
async def test_naughty_titles_are_kept_by_both_databases(naughty: list[str], database_url: str) -> None:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    catalogue = Catalogue(engine)
    # Twenty in a title: each is a transaction of its own.
    titles = ["\n".join(naughty[start : start + 20]) for start in range(0, len(naughty), 20)]
    for number, title in enumerate(titles):
        page = Document(uri=f"upload:{number}:{title}", title=title, text=title, scope="public")
        await catalogue.put(page, content_hash=page.content_hash(chunk_tokens=220), chunks=1)
    async with engine.begin() as connection:
        assert sorted((await connection.execute(select(documents.c.title))).scalars()) == sorted(titles)
    await engine.dispose()


@pytest.mark.data
async def test_naughty_questions_are_only_words_to_look_for(
    library: Library, naughty: list[str], tmp_path: Path
) -> None:
    (tmp_path / "pay.md").write_text("Salary bands of the team.")
    [_] = [result async for result in library.ingest(str(tmp_path / "pay.md"), "channel:C1")]
    for question in naughty:
        assert await library.search(question, EVERYONE) == []


def as_name(text: str) -> str:
    """As much of it as a file's name can hold."""
    return _NO_NAME.sub("∕", text).encode()[:200].decode(errors="ignore")


def letters(text: str) -> Counter[str]:
    """All that is to be seen of it: blanks and line breaks may differ, and control characters are dropped."""
    return Counter("".join(_CONTROL.sub("", text).split()))


async def texts_by_address(library: Library) -> dict[str, str]:
    store: Any = index_of(library).store
    found: dict[str, str] = {}
    if isinstance(store, EdgeStore):
        assert store.client is not None
        payloads = [payload for payload, _, _ in points_in(store.client).values()]
    else:
        records, _ = await store._aclient.scroll(store.collection_name, limit=10_000)
        payloads = [record.payload for record in records]
    for payload in payloads:
        node = metadata_dict_to_node(payload)
        uri = node.metadata["uri"]
        found[uri] = found.get(uri, "") + node.get_content(MetadataMode.NONE)
    return found
