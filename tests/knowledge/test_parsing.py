import asyncio
import io
import os
import resource
import signal
import sys
import zipfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.errors import SourceError, SourceRefused, SourceTimeout, SourceUnreadable
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def zipped(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.fixture
async def parser(settings: KnowledgeSettings) -> AsyncIterator[Parser]:
    parser = Parser(settings)
    yield parser
    await parser.close()


@pytest.mark.parametrize(
    ("name", "data", "title", "text"),
    [
        ("leave.md", b"---\ntitle: Time off\n---\n# Leave\n\nText", "Time off", "# Leave\n\nText"),
        ("leave.md", b"# Leave\n\nText", "Leave", "# Leave\n\nText"),
        ("a.md", b"---\n\nBring a laptop.\n\n---\n\n# Second", "Second", "---\n\nBring a laptop.\n\n---\n\n# Second"),
        ("leave.txt", b"# not a heading here", "not a heading here", "# not a heading here"),
        ("leave.txt", "Grüße".encode("cp1252"), "leave", "Grüße"),
        ("leave.txt", "Grüße".encode("utf-16"), "leave", "Grüße"),
        ("a.html", b"<title>A &amp; B</title><nav>Home</nav><p>Text</p>", "A & B", "Text"),
        ("a.html", b"<head><title>A</title><meta name=x content=y></head><h1>H</h1>", "A", "# H"),
        ("a.md", b"---\ntitle: Moved\nredirect_to: /b\n---\n", "Moved", "Moved"),
        ("a.txt", b"a\x00b", "a", "ab"),
        ("caf\udce9.txt", b"no title", "caf", "no title"),
        ("days.csv", b"Grade;Days\nA;25\n", "days", "| Grade | Days |\n| --- | --- |\n| A | 25 |"),
        ("days.tsv", b"Grade\tDays\nA\t25\n", "days", "| Grade | Days |\n| --- | --- |\n| A | 25 |"),
        ("a.rst", b"Leave\n=====\n\n25 days", "Leave", "# Leave\n\n25 days"),
        ("a.json", b'{"leave": {"days": 25}}', "a", "# leave\n\ndays: 25"),
        ("a.rtf", b"{\\rtf1 25 days}", "a", "25 days"),
        ("a.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ada>25 days", "a", "Ada: 25 days"),
        ("a.xls", b"<html><table><tr><td>25 days</td></tr></table></html>", "a", "| 25 days |\n| ------- |"),
    ],
)
async def test_a_document_gives_its_title_and_its_text(
    parser: Parser, name: str, data: bytes, title: str, text: str
) -> None:
    parsed = await parser.parse(data, name=name)
    assert (parsed.title, parsed.text) == (title, text)


_PAGE = b"""<html><head><title>Leave policy | Handbook</title><meta name="author" content="Mara Lind">
<meta property="article:published_time" content="2024-05-02T10:00:00Z"></head><body>
<nav><a href="/">Home</a> <a href="/pay">Pay and pensions</a></nav>
<main><h1>Leave policy</h1>
<p>Every employee has twenty-eight days of paid leave a year. Unused days expire at the end of March.</p>
<table><tr><th>Years</th><th>Days</th></tr><tr><td>9</td><td>33</td></tr></table></main>
<footer>All rights reserved</footer></body></html>"""


async def test_of_a_web_page_the_main_text_is_read_with_its_author_and_date(parser: Parser) -> None:
    page = await parser.parse(_PAGE, name="leave", content_type="text/html", is_web_page=True)
    assert (page.title, page.author, page.modified) == ("Leave policy", "Mara Lind", datetime(2024, 5, 2, tzinfo=UTC))
    assert "twenty-eight days" in page.text
    assert "33" in page.text
    assert "Pay and pensions" not in page.text
    assert "All rights reserved" not in page.text


async def test_a_web_page_without_main_text_is_read_as_any_html(parser: Parser) -> None:
    page = b"<title>Forms</title><form><label>Pay</label></form>"
    parsed = await parser.parse(page, name="a.html", is_web_page=True)
    assert (parsed.title, "Pay" in parsed.text) == ("Forms", True)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.md", b"", "is empty"),
        ("a.md", b" \n ", "is empty"),
        ("a.exe", b"MZ", "of a kind"),
        ("a.pdf", b"not a PDF", "damaged"),
        ("a.docx", b"PK\x03\x04 broken", "damaged"),
        ("a.html", b"<p></p>", "holds no text"),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        ("a.docx", OLE, "damaged"),
        ("a.docx", zipped({"notes.txt": b"a"}), "is an archive; unpack it"),
        ("a.txt", zipped({"notes.txt": b"a"}), "is an archive; unpack it"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(20), "damaged"),
        ("a.png", b"not a picture", "damaged"),
        ("a.heic", bytes(20), "save it as a JPEG"),
        ("a.ods", b"PK", "save it as an xlsx"),
        ("a.key", b"PK", "save it as a PDF or a pptx"),
        ("a.txt", bytes(range(256)) * 3, "damaged, or is not of the kind"),
        ("a.json", b'{"a": ', "damaged"),
        ("a.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n", "holds no text"),
        ("a.eml", b"From: ada@example.com\n\n", "holds no text"),
    ],
)
async def test_what_cannot_be_read_says_why_by_name(parser: Parser, name: str, data: bytes, says: str) -> None:
    with pytest.raises(SourceUnreadable, match=says) as error:
        await parser.parse(data, name=name)
    assert name in str(error.value)


async def test_a_text_too_long_is_refused(settings: KnowledgeSettings) -> None:
    parser = Parser(settings.model_copy(update={"max_document_chars": 10}))
    with pytest.raises(SourceRefused, match="more than 10 characters"):
        await parser.parse(b"12345678901", name="a.txt")
    await parser.close()


async def test_a_text_too_long_does_not_leave_the_worker(settings: KnowledgeSettings) -> None:
    parser = Parser(settings.model_copy(update={"max_document_chars": 10}))
    with pytest.raises(SourceRefused, match="more than 10 characters"):
        await parser.parse(b"x" * 1_000_000, name="a.txt")
    assert (await parser.parse("😀".encode() * 10, name="b.txt")).text == "😀" * 10
    await parser.close()


@pytest.mark.parametrize(
    "answer",
    [
        "struct.pack('>I', 2**32 - 1) + b'{'",
        "struct.pack('>I', 8) + b'no JSON.'",
        "struct.pack('>I', 2) + b'[]'",
        "struct.pack('>I', 11) + b'{\"text\": 1}'",
        "struct.pack('>I', 14) + b'{\"error\": \"x\"}'",
    ],
)
async def test_a_worker_that_a_file_took_over_costs_one_document(settings: KnowledgeSettings, answer: str) -> None:
    parser = Parser(settings.model_copy(update={"parse_timeout_s": 10}))
    program = f"import struct, sys, time; sys.stdout.buffer.write({answer}); sys.stdout.flush(); time.sleep(60)"
    parser._worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=PIPE, stdout=PIPE)
    with pytest.raises(SourceUnreadable, match=r"“a\.txt” could not be read"):
        await parser.parse(b"one", name="a.txt")
    assert (await parser.parse(b"two", name="b.txt")).text == "two"
    await parser.close()


async def test_a_worker_that_dies_costs_one_document_at_most(parser: Parser) -> None:
    await parser.parse(b"one", name="a.txt")
    assert parser._worker is not None
    os.kill(parser._worker.pid, signal.SIGKILL)
    await parser._worker.wait()
    assert (await parser.parse(b"two", name="b.txt")).text == "two"


async def test_a_worker_that_closes_its_answers_and_lives_on_is_killed(settings: KnowledgeSettings) -> None:
    parser = Parser(settings)
    program = "import os, time; os.close(1); time.sleep(60)"
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=PIPE, stdout=PIPE)
    parser._worker = worker
    async with asyncio.timeout(20):
        with pytest.raises(SourceUnreadable, match=r"“a\.txt” could not be read"):
            await parser.parse(b"one", name="a.txt")
        assert worker.returncode == -signal.SIGKILL
        assert (await parser.parse(b"two", name="b.txt")).text == "two"
    await parser.close()


async def test_a_child_that_outlives_the_worker_holds_nobody_up(settings: KnowledgeSettings) -> None:
    parser = Parser(settings.model_copy(update={"parse_timeout_s": 3}))
    program = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=PIPE, stdout=PIPE)
    assert worker.stdout is not None
    child = int(await worker.stdout.readline())
    parser._worker = worker
    try:
        async with asyncio.timeout(20):
            with pytest.raises(SourceTimeout):
                await parser.parse(b"one", name="a.txt")
            assert (await parser.parse(b"two", name="b.txt")).text == "two"
    finally:
        os.kill(child, signal.SIGKILL)
    await worker.wait()
    await parser.close()


async def test_a_worker_that_computes_too_long_is_said_to(settings: KnowledgeSettings) -> None:
    parser = Parser(settings)
    limits = "resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); resource.setrlimit(resource.RLIMIT_CPU, (1, 2))"
    program = f"import resource; {limits}\nwhile True: pass"
    parser._worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=PIPE, stdout=PIPE)
    with pytest.raises(SourceTimeout, match="more computing"):
        await parser.parse(b"one", name="a.txt")
    await parser.close()


async def test_a_worker_is_held_to_its_limits_on_memory_computing_and_files(settings: KnowledgeSettings) -> None:
    parser = Parser(settings.model_copy(update={"parse_memory_mb": 512, "parse_timeout_s": 20}))
    await parser.parse(b"one", name="a.txt")
    assert parser._worker is not None
    pid = parser._worker.pid
    assert resource.prlimit(pid, resource.RLIMIT_AS) == (512 * 1024 * 1024, 512 * 1024 * 1024)
    assert resource.prlimit(pid, resource.RLIMIT_FSIZE) == (0, 0)
    assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
    computing_s, _ = resource.prlimit(pid, resource.RLIMIT_CPU)
    # Of each document, beyond what the worker has used by then: some seconds for its start.
    assert 20 < computing_s < 30
    await parser.close()


async def test_a_worker_that_hangs_is_replaced(settings: KnowledgeSettings) -> None:
    parser = Parser(settings.model_copy(update={"parse_timeout_s": 3}))
    await parser.parse(b"one", name="a.txt")
    assert parser._worker is not None
    os.kill(parser._worker.pid, signal.SIGSTOP)
    with pytest.raises(SourceTimeout):
        await parser.parse(b"two", name="b.txt")
    assert (await parser.parse(b"three", name="c.txt")).text == "three"
    await parser.close()


async def test_a_cancelled_reading_does_not_answer_the_next_one(parser: Parser) -> None:
    await parser.parse(b"warm", name="warm.txt")
    assert parser._worker is not None
    os.kill(parser._worker.pid, signal.SIGSTOP)
    reading = asyncio.create_task(parser.parse(b"one", name="a.txt"))
    await asyncio.sleep(0.1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (await parser.parse(b"two", name="b.txt")).text == "two"


async def test_a_zip_bomb_in_a_document_is_refused_and_the_next_document_read(settings: KnowledgeSettings) -> None:
    parser = Parser(settings.model_copy(update={"parse_memory_mb": 512, "parse_timeout_s": 20}))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(800):
                part.write(b" " * 1_000_000)
    with pytest.raises(SourceError):
        await parser.parse(packed.getvalue(), name="bomb.docx")
    assert (await parser.parse(b"next", name="b.txt")).text == "next"
    await parser.close()


@pytest.mark.parametrize(
    ("name", "part"),
    [("a.pptx", "ppt/slides/slide1.xml"), ("a.odt", "META-INF/manifest.xml"), ("a.docx", "word/x.xml")],
)
async def test_a_part_that_does_not_unpack_costs_the_document_and_not_the_worker(
    parser: Parser, name: str, part: str
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text" if name == "a.odt" else "")
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("ppt/presentation.xml" if name == "a.pptx" else "word/document.xml", "<broken")
        archive.writestr(part, "damaged " * 1000, zipfile.ZIP_DEFLATED)
    data = bytearray(packed.getvalue())
    begin = data.index(part.encode()) + len(part)
    data[begin : begin + 4] = b"\xff" * 4
    await parser.parse(b"warm", name="warm.txt")
    worker = parser._worker
    with pytest.raises(SourceUnreadable):
        await parser.parse(bytes(data), name=name)
    assert (await parser.parse(b"next", name="b.txt")).text == "next"
    assert parser._worker is worker


async def test_the_worker_holds_no_secret(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_CANARY", "secret-token")
    await parser.parse(b"x", name="a.txt")
    assert parser._worker is not None
    assert b"secret-token" not in Path(f"/proc/{parser._worker.pid}/environ").read_bytes()


def _pdf_that_says(words: str) -> bytes:
    drawn = f"BT /F1 12 Tf 20 100 Td ({words}) Tj ET"
    return f"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length {len(drawn)}>>stream
{drawn}
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
""".encode()


async def test_pdf_is_read_with_a_library_that_only_our_own_home_holds(
    parser: Parser, settings: KnowledgeSettings
) -> None:
    parsed = await parser.parse(_pdf_that_says("Twenty five days of leave"), name="leave.pdf")
    assert "Twenty five days of leave" in parsed.text
    assert parser._worker is not None
    loaded = Path(f"/proc/{parser._worker.pid}/maps").read_text().splitlines()
    libraries = {Path(line.split()[-1]) for line in loaded if "libpdfium" in line}
    assert libraries
    assert all(settings.home.resolve() in library.parents for library in libraries)
    (folder,) = (settings.home / "parser").iterdir()
    assert folder.stat().st_mode & 0o077 == 0


async def test_where_the_pdf_library_cannot_be_unpacked_only_pdfs_are_refused_and_as_soon_as_it_can_be_they_are_read(
    parser: Parser, settings: KnowledgeSettings
) -> None:
    settings.home.mkdir(parents=True)
    in_its_way = settings.home / "parser"
    in_its_way.touch()
    with pytest.raises(SourceUnreadable, match="cannot be read here.*tell an administrator"):
        await parser.parse(_pdf_that_says("Leave"), name="leave.pdf")
    assert (await parser.parse(b"# Leave", name="leave.md")).title == "Leave"
    with pytest.raises(SourceUnreadable, match="cannot be read here"):
        await parser.parse(_pdf_that_says("Leave"), name="leave.pdf")
    in_its_way.unlink()
    assert "Leave" in (await parser.parse(_pdf_that_says("Leave"), name="leave.pdf")).text
