"""The text in pictures that the tests draw, where Tesseract's language data are, and what is said where they are not."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from knowledge.errors import SourceUnreadable
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings
from knowledge.sources import find_sources

LINES = ("The kettle is upstairs.", "Tea is at four o'clock.")
_READABLE = ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"]


def drawn(*lines: str, form: str = "PNG") -> bytes:
    picture = Image.new("RGB", (1000, 40 + 120 * max(1, len(lines))), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=48)
    for number, line in enumerate(lines):
        pen.text((20, 40 + 120 * number), line, fill="black", font=font)
    data = io.BytesIO()
    picture.save(data, form)
    return data.getvalue()


def blank(side: int) -> bytes:
    data = io.BytesIO()
    Image.new("1", (side, side)).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
async def parser(settings: KnowledgeSettings, tessdata: str) -> AsyncIterator[Parser]:
    parser = Parser(settings.model_copy(update={"ocr_data": tessdata}))
    yield parser
    await parser.close()


@pytest.fixture
async def parser_without_data(settings: KnowledgeSettings, tmp_path: Path) -> AsyncIterator[Parser]:
    parser = Parser(settings.model_copy(update={"ocr_data": str(tmp_path)}))
    yield parser
    await parser.close()


@pytest.mark.parametrize("form", _READABLE)
async def test_text_in_a_picture_is_read_in_paragraphs_and_titled_by_its_file(parser: Parser, form: str) -> None:
    parsed = await parser.parse(drawn(*LINES, form=form), name=f"kettle.{form.lower()}")
    assert (parsed.title, parsed.text) == ("kettle", "\n\n".join(LINES))


async def test_picture_under_another_name_is_read_as_what_its_bytes_are(parser: Parser) -> None:
    assert (await parser.parse(drawn(*LINES), name="scan.pdf")).text == "\n\n".join(LINES)
    assert (await parser.parse(drawn(*LINES), name="image", content_type="image/png")).title == "image"


async def test_picture_without_text_says_so(parser: Parser) -> None:
    with pytest.raises(SourceUnreadable, match="is a picture in which no text was recognised"):
        await parser.parse(drawn(), name="logo.png")


@pytest.mark.parametrize("side", [8_000, 20_000])
async def test_picture_that_is_huge_when_unpacked_is_refused_or_read_within_the_limits(
    parser: Parser, side: int
) -> None:
    with pytest.raises(SourceUnreadable, match="damaged|memory|no text"):
        await parser.parse(blank(side), name="bomb.png")
    assert (await parser.parse(drawn(LINES[0]), name="a.png")).text == LINES[0]


async def test_language_whose_data_are_missing_is_named(settings: KnowledgeSettings, tessdata: str) -> None:
    parser = Parser(settings.model_copy(update={"ocr_data": tessdata, "ocr_languages": "eng+tlh"}))
    with pytest.raises(SourceUnreadable, match=r"language data \(eng\+tlh\)"):
        await parser.parse(drawn(*LINES), name="a.png")
    await parser.close()


@pytest.mark.parametrize("form", _READABLE)
async def test_where_the_data_are_missing_one_sentence_says_what_to_install(
    parser_without_data: Parser, form: str
) -> None:
    with pytest.raises(SourceUnreadable) as error:
        await parser_without_data.parse(drawn(*LINES, form=form), name="kettle.png")
    said = str(error.value)
    assert said.startswith("“kettle.png” is a picture, and its text cannot be read here: ")
    assert "tesseract-ocr" in said
    assert "\n" not in said


@pytest.mark.parametrize("languages", ["../../etc", "eng deu", "", "eng+", "-c"])
def test_languages_are_codes_and_nothing_else(languages: str) -> None:
    with pytest.raises(ValueError, match="ocr_languages"):
        KnowledgeSettings(ocr_languages=languages)


def test_pictures_of_a_folder_are_left_alone_and_one_that_is_named_is_read(tmp_path: Path) -> None:
    for name in ("logo.png", "scan.jpg", "page.md"):
        (tmp_path / name).write_bytes(b"x")
    assert [source.name for source in find_sources(str(tmp_path))] == ["page.md"]
    assert [source.name for source in find_sources(str(tmp_path / "scan.jpg"))] == ["scan.jpg"]


def scanned(*pages: tuple[str, ...]) -> bytes:
    """A PDF of pictures, as a scanner makes it."""
    first, *others = [Image.open(io.BytesIO(drawn(*lines))).convert("RGB") for lines in pages]
    data = io.BytesIO()
    first.save(data, "PDF", save_all=True, append_images=others, resolution=100)
    return data.getvalue()


async def test_text_of_a_scanned_pdf_is_read_page_by_page(parser: Parser) -> None:
    parsed = await parser.parse(scanned(LINES, ("The cups are downstairs.",)), name="kettle.pdf")
    assert parsed.title == "kettle"
    assert parsed.text.split("###### ")[1:] == [
        "Page 1\n\nThe kettle is upstairs.\n\nTea is at four o'clock.\n\n",
        "Page 2\n\nThe cups are downstairs.",
    ]


async def test_scan_of_more_pages_than_are_read_in_time_is_refused_before_it_is_begun(parser: Parser) -> None:
    with pytest.raises(SourceUnreadable, match="more than the 20 pages"):
        await parser.parse(scanned(*[("Tea.",)] * 21), name="kettle.pdf")


async def test_scanned_pdf_without_language_data_says_what_to_install(parser_without_data: Parser) -> None:
    with pytest.raises(SourceUnreadable, match=r"if it is a scan.*tesseract-ocr-eng"):
        await parser_without_data.parse(scanned(LINES), name="kettle.pdf")


async def test_pdf_in_which_no_text_is_recognised_says_so(parser: Parser) -> None:
    with pytest.raises(SourceUnreadable, match="none was recognised"):
        await parser.parse(scanned(()), name="kettle.pdf")


async def test_scan_from_the_world_is_read(parser: Parser, data_dir: Path) -> None:
    [path] = (data_dir / "docs-formats").rglob("ocr_test.pdf")
    assert len((await parser.parse(path.read_bytes(), name=path.name)).text.split()) > 10
