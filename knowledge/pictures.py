"""The text in a picture or a scanned page, by the Tesseract engine that kreuzberg brings; its language data are the system's."""

import re
import struct

from kreuzberg import ExtractionConfig, OcrConfig, OCRError, PageConfig, TesseractConfig, extract_bytes_sync

from knowledge.kinds import PDF
from knowledge.places import MARKER, with_places
from knowledge.readers import without_controls
from knowledge.signatures import Refused

# How kreuzberg says that the data of a language are not where it looks for them.
_NO_DATA = re.compile("initiali[sz]|language .* not found", re.IGNORECASE)
# A white square: of a picture, it is said.
_SIDE = 32
_WHITE = b"\xff" * (3 * _SIDE * _SIDE)
_BLANK = (
    struct.pack("<2sIIIIiiHHIIiiII", b"BM", 54 + len(_WHITE), 0, 54, 40, _SIDE, _SIDE, 1, 24, 0, 0, 0, 0, 0, 0) + _WHITE
)


def read_picture(data: bytes, kind: str, *, languages: str) -> str:
    """Paragraphs of plain text; empty where none is seen. Raises KreuzbergError, Refused or MemoryError."""
    return _recognised(data, kind, languages)


def read_scan(data: bytes, *, languages: str) -> str:
    """The text on a PDF's pages, which are drawn for it, below headings that name them. Raises as `read_picture`."""
    text = with_places(_recognised(data, PDF, languages), "Page")
    if not text:
        # Of a PDF it is not said that the language data are missing.
        try:
            _recognised(_BLANK, "image/bmp", languages)
        except Refused:
            raise Refused("scan") from None
    return text


def _recognised(data: bytes, kind: str, languages: str) -> str:
    # Words that stand below each other by chance would be made a table.
    engine = TesseractConfig(language=languages, enable_table_detection=False, use_cache=False)
    config = ExtractionConfig(
        use_cache=False,
        output_format="plain",
        ocr=OcrConfig(backend="tesseract", language=languages, tesseract_config=engine),
        pages=PageConfig(insert_page_markers=True, marker_format=MARKER) if kind == PDF else None,
    )
    try:
        found = extract_bytes_sync(data, kind, config=config)
    except OCRError as error:
        if _NO_DATA.search(str(error)):
            raise Refused("tesseract") from error
        raise
    return without_controls(found.content).strip()
