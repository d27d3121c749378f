# /// script
# requires-python = ">=3.11"
# dependencies = ["python-docx>=1.2", "reportlab>=4.4"]
# ///
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
# Run by hand in an environment of its own (see README.md): neither library is needed to run the bot.
"""Make the sample's binary pages from their sources: two PDFs and a Word document."""

import re
from pathlib import Path

import docx
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

_FOLDER = Path(__file__).parent
_PDF_STYLES = {"title": "Title", "heading": "Heading2", "item": "Bullet", "text": "BodyText"}
_WORD_STYLES = {"title": "Title", "heading": "Heading 1", "item": "List Bullet", "text": "Normal"}


def make_pages() -> None:
    for name in ("security-incidents", "travel"):
        make_pdf(_FOLDER / "sources" / f"{name}.md", _FOLDER / "pages" / f"{name}.pdf")
    make_word(_FOLDER / "sources" / "equipment.md", _FOLDER / "pages" / "equipment.docx")


def make_pdf(source: Path, page: Path) -> None:
    styles = getSampleStyleSheet()
    blocks = read_blocks(source)
    flow: list[Flowable] = []
    for kind, text in blocks:
        flow.append(Paragraph(text, styles[_PDF_STYLES[kind]], bulletText="•" if kind == "item" else None))
    # invariant: the same source gives the same bytes, without the time of making.
    SimpleDocTemplate(str(page), pagesize=A4, title=blocks[0][1], author="Ostrel", invariant=1).build(flow)


def make_word(source: Path, page: Path) -> None:
    document = docx.Document()
    blocks = read_blocks(source)
    properties = document.core_properties
    properties.title, properties.author, properties.comments = blocks[0][1], "Ostrel", ""
    for kind, text in blocks:
        document.add_paragraph(text, style=_WORD_STYLES[kind])
    document.save(str(page))


def read_blocks(source: Path) -> list[tuple[str, str]]:
    """The source's blocks as (kind, text): headings, list items, and paragraphs with their lines joined."""
    kinds = {"#": "title", "##": "heading", "-": "item"}
    blocks: list[tuple[str, str]] = []
    for block in re.split(r"\n\n|\n(?=- )", source.read_text(encoding="utf-8").strip()):
        mark, _, rest = block.partition(" ")
        kind = kinds.get(mark, "text")
        blocks.append((kind, " ".join((block if kind == "text" else rest).split())))
    return blocks


if __name__ == "__main__":
    make_pages()
