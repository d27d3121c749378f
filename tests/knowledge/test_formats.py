"""Real files of many kinds, whole, broken, sealed and hostile, through the real parser."""

import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.chunking import HeadingChunker, as_node
from knowledge.documents import Document
from knowledge.errors import SourceError, SourceUnreadable
from knowledge.parsing import Parsed, Parser
from knowledge.settings import KnowledgeSettings

pytestmark = pytest.mark.data

_SEALED = "is protected by a password"
_BROKEN = "is damaged"
_NO_TEXT = "holds no text"
# Every file that gives no text, with the reason that fits it.
_REFUSED = {
    "encrypted-file.pdf": _SEALED,
    "libreoffice-writer-password.pdf": _SEALED,
    "password.pdf": _SEALED,
    "r2-user-password.pdf": _SEALED,
    "r3-user-password.pdf": _SEALED,
    "r6-both-passwords.pdf": _SEALED,
    "protected_normal_case.docx": _SEALED,
    "testEXCEL_protected_passtika.xls": _SEALED,
    "testODTEncrypted.odt": _SEALED,
    "testPPT_protected_passtika.ppt": _SEALED,
    "testWORD_protected_passtika.doc": _SEALED,
    "REDHAT-1531897-0.pdf": _BROKEN,
    "poppler-395-0-fuzzed.pdf": _BROKEN,
    "testWORD_truncated.docx": _BROKEN,
    "empty.txt": "is empty",
    "fake-text-all-whitespace.txt": "is empty",
    "empty.xlsx": _NO_TEXT,
    "box.pdf": _NO_TEXT,
    "ocr_test.pdf": _NO_TEXT,
    "imagemagick-ASCII85Decode.pdf": _NO_TEXT,
    "PDFBOX-4352-0.pdf": _NO_TEXT,
    "testPDF_malformedXFA.pdf": _NO_TEXT,
    "picture.pptx": _NO_TEXT,
    "test-image-jpg-mime.pptx": _NO_TEXT,
    "factbook.xml": "save it as HTML or Markdown",
    "factbook-utf-16.xml": "save it as HTML or Markdown",
    "testIWorksNPEDetector.zip": "is an archive",
}
_ALL_FILES = 209


@pytest.fixture
def folder(data_dir: Path) -> Path:
    return data_dir / "docs-formats"


@pytest.fixture
async def parser(settings: KnowledgeSettings, tmp_path: Path) -> AsyncIterator[Parser]:
    """Without language data for text in pictures, whether or not the machine has them."""
    parser = Parser(settings.model_copy(update={"ocr_data": str(tmp_path)}))
    yield parser
    await parser.close()


@pytest.fixture
def settings(tmp_path: Path) -> KnowledgeSettings:
    return KnowledgeSettings(home=tmp_path)


async def parse(parser: Parser, path: Path, name: str = "") -> Parsed:
    return await parser.parse(path.read_bytes(), name=name or path.name)


def sections(parsed: Parsed) -> list[str]:
    document = Document(uri="x:", title=parsed.title, text=parsed.text, scope="public")
    chunker = HeadingChunker(chunk_tokens=220, count_tokens=lambda text: len(re.findall(r"\w+|[^\w\s]", text)))
    return [str(chunk.metadata["section"]) for chunk in chunker.chunks_of(as_node(document, content_hash="x"))]


@pytest.mark.slow
async def test_every_real_file_gives_text_or_one_reason_that_fits(
    parser: Parser, folder: Path, settings: KnowledgeSettings
) -> None:
    listed = [line.split("\t") for line in (folder / "MANIFEST.tsv").read_text().splitlines()[1:]]
    assert len(listed) == _ALL_FILES
    refused: dict[str, str] = {}
    workers: set[int] = set()
    slowest = 0.0
    for source, name, *_ in listed:
        began = time.monotonic()
        try:
            parsed = await parse(parser, folder / source / name)
            assert re.search(r"\w", parsed.text), name
            assert parsed.title, name
            assert "\ue000" not in parsed.text, name
        except SourceError as error:
            refused[name] = str(error)
        slowest = max(slowest, time.monotonic() - began)
        workers.add(parser._worker.pid if parser._worker else 0)
    assert refused.keys() == _REFUSED.keys()
    for name, reason in refused.items():
        assert _REFUSED[name] in reason
        # One sentence that begins with the file's name, and nothing of the parser's or the machine's.
        assert reason.startswith(f"“{name}” ")
        assert not re.search(r"Error|Exception|Traceback|kreuzberg|pdfium|/|\n", reason, re.IGNORECASE), reason
    assert len(workers) == 1, "the worker died on the way"
    assert slowest < settings.parse_timeout_s


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("docling/textbox.docx", ("傳染病通報作業流程", "吳麗招", datetime(2024, 7, 12, 2, 48, tzinfo=UTC))),
        (
            "docling/powerpoint_bad_text.pptx",
            ("Title with image", "Pia Bardesono", datetime(2023, 11, 2, 11, 31, 14, tzinfo=UTC)),
        ),
        (
            "docling/xlsx_03_chartsheet.xlsx",
            ("Wild Duck Observations", None, datetime(2025, 10, 10, 8, 42, 42, tzinfo=UTC)),
        ),
        (
            "docling/text_document_03.odt.pdf",
            ("Table with rich cells", "Peter Staar", datetime(2026, 6, 12, 10, 52, 43, tzinfo=UTC)),
        ),
        (
            "unstructured/family-day.eml",
            ("Family Day", "Mallori Harrell", datetime(2022, 12, 21, 16, 28, 53, tzinfo=UTC)),
        ),
        (
            "unstructured/fake-email.msg",
            ("Test Email", "Matthew Robinson", datetime(2023, 3, 28, 17, 0, 31, 998000, tzinfo=UTC)),
        ),
        # What a program writes where nobody gave a title, and a program's name, are not kept.
        ("unstructured/eng_spa_mult.epub", ("eng_spa_mult", None, None)),
        (
            "unstructured/simple.docx",
            ("These are a few of my favorite things:", None, datetime(2013, 12, 23, 23, 15, tzinfo=UTC)),
        ),
    ],
)
async def test_title_author_and_time_are_the_documents_own(
    parser: Parser, folder: Path, file: str, said: tuple[str, str | None, datetime | None]
) -> None:
    parsed = await parse(parser, folder / file)
    assert (parsed.title, parsed.author, parsed.created) == said


async def test_a_later_change_has_a_time_of_its_own(parser: Parser, folder: Path) -> None:
    parsed = await parse(parser, folder / "docling/text_document_01.odt")
    assert parsed.modified is not None
    assert parsed.created is not None
    assert parsed.modified > parsed.created


async def test_a_passage_of_a_pdf_names_its_section_and_page(parser: Parser, folder: Path) -> None:
    found = sections(await parse(parser, folder / "pypdf/outline-without-title.pdf"))
    # A section that goes on overleaf keeps its heading.
    assert {"1 Foo › Page 2", "4 Foo › Page 2", "4 Foo › Page 3", "9 Baz › Page 4"} <= set(found)


async def test_a_passage_of_a_pdf_without_headings_names_its_page(parser: Parser, folder: Path) -> None:
    assert sections(await parse(parser, folder / "pdfjs/boundingBox_invalid.pdf")) == ["Page 1", "Page 2", "Page 3"]


async def test_a_pdf_of_one_page_names_none(parser: Parser, folder: Path) -> None:
    assert "Page" not in (await parse(parser, folder / "pypdf/commented.pdf")).text


async def test_a_passage_of_a_presentation_names_its_slide(parser: Parser, folder: Path) -> None:
    found = sections(await parse(parser, folder / "unstructured/sample-presentation.pptx"))
    assert found == [
        "Slide 1",
        "This is the first content slide › Slide 2",
        "This is the second content slide › Slide 3",
        "This is kinda backwards, huh? › Slide 4",
    ]


async def test_a_passage_of_a_workbook_names_its_sheet(parser: Parser, folder: Path) -> None:
    text = (await parse(parser, folder / "unstructured/stanley-cups.xlsx")).text
    assert re.findall(r"^## .*", text, re.MULTILINE) == ["## Stanley Cups", "## Stanley Cups Since 67"]


@pytest.mark.parametrize("file", ["powerpoint_malformed_pictures.pptx", "powerpoint_with_image.pptx"])
async def test_a_presentation_is_read_though_a_picture_of_it_is_missing(
    parser: Parser, folder: Path, file: str
) -> None:
    assert (await parse(parser, folder / "docling" / file)).text.startswith("## ")


@pytest.mark.parametrize(
    ("file", "name", "says"),
    [
        ("markitdown/test.pdf", "report.txt", "Large language models"),
        ("markitdown/test.pdf", "report.docx", "Large language models"),
        ("markitdown/test.pdf", "report", "Large language models"),
        ("unstructured/simple.docx", "letter.pdf", "Parrots"),
        ("unstructured/simple.docx", "letter.doc", "Parrots"),
        ("unstructured/simple.doc", "letter.docx", "Parrots"),
        ("unstructured/fake-email.msg", "letter.doc", "unit tests"),
        ("unstructured/eng_spa_mult.epub", "book.docx", "All human beings"),
        ("unstructured/eng_spa_mult.ppt", "talk.ppt", "All human beings"),
        ("tika/testRTFInvalidUnicode.rtf", "letter.doc", "Mismatched pair"),
    ],
)
async def test_a_file_is_read_as_what_it_is_and_not_as_what_its_name_says(
    parser: Parser, folder: Path, file: str, name: str, says: str
) -> None:
    assert says in (await parse(parser, folder / file, name)).text


@pytest.mark.parametrize(
    "file",
    ["tika/testWORD_protected_passtika.doc", "tika/testPPT_protected_passtika.ppt", "tika/testODTEncrypted.odt"],
)
async def test_a_sealed_file_is_said_to_be_sealed_under_any_name(parser: Parser, folder: Path, file: str) -> None:
    with pytest.raises(SourceUnreadable, match=_SEALED):
        await parse(parser, folder / file, "letter.docx")


async def test_half_of_any_file_gives_text_or_a_reason(parser: Parser, folder: Path) -> None:
    for path in sorted(folder.glob("*/simple.*")) + sorted(folder.glob("*/stanley-cups.*")):
        data = path.read_bytes()
        try:
            assert (await parser.parse(data[: len(data) // 2], name=path.name)).text
        except SourceUnreadable as error:
            assert _BROKEN in str(error)  # noqa: PT017 — either end will do


async def test_a_message_keeps_its_lines_and_names_what_is_attached(parser: Parser, folder: Path) -> None:
    text = (await parse(parser, folder / "unstructured/fake-email-attachment.msg")).text
    assert "\n   - Lots of whitespace\n" in text
    assert text.endswith("Attached: fake-attachment.txt")


async def test_captions_are_read_without_their_times(parser: Parser, folder: Path) -> None:
    text = (await parse(parser, folder / "docling/webvtt_example_01.vtt")).text
    assert text.startswith("Roger Bingham: We are in New York City We’re actually at the Lucern Hotel")
    assert "\n\nNeil deGrasse Tyson: Didn’t we talk about enough in that conversation?\n\n" in text
    assert "-->" not in text
    assert "W3C" not in text
