"""The text in a picture, by the Tesseract engine that kreuzberg brings; only its language data are the system's."""

import re

from kreuzberg import ExtractionConfig, OcrConfig, OCRError, TesseractConfig, extract_bytes_sync

from knowledge.readers import without_controls
from knowledge.signatures import Refused

# How kreuzberg says that the data of a language are not where it looks for them.
_NO_DATA = re.compile("initiali[sz]|language .* not found", re.IGNORECASE)


def read_picture(data: bytes, kind: str, *, languages: str) -> str:
    """Paragraphs of plain text; empty where none is seen. Raises KreuzbergError, Refused or MemoryError."""
    # Words that stand below each other by chance would be made a table.
    engine = TesseractConfig(language=languages, enable_table_detection=False, use_cache=False)
    config = ExtractionConfig(
        use_cache=False,
        output_format="plain",
        ocr=OcrConfig(backend="tesseract", language=languages, tesseract_config=engine),
    )
    try:
        found = extract_bytes_sync(data, kind, config=config)
    except OCRError as error:
        if _NO_DATA.search(str(error)):
            raise Refused("tesseract") from error
        raise
    return without_controls(found.content).strip()
