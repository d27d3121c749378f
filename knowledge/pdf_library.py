"""The library that reads PDFs. It comes packed inside the parser, which writes it to a file with the first PDF."""

from importlib.metadata import version
from pathlib import Path

from knowledge.kinds import PDF

_BLANK_PAGE = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
trailer<</Root 1 0 R>>
"""


def folder_for_library(home: Path) -> Path:
    """Where a process whose TMPDIR it is unpacks the library, made with no access for others.

    What is there is loaded unseen: in the system's own folder for temporary files, anybody could have put it there.
    A library of another version would be taken for this one, so each has a folder of its own. Raises OSError.
    """
    folder = Path(home, "parser", f"kreuzberg-{version('kreuzberg')}").absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def load_library() -> bool:
    """Unpack and load it, while this process may still write files; False where it cannot be."""
    from kreuzberg import KreuzbergError, extract_bytes_sync  # noqa: PLC0415 — the bot asks for the folder alone

    try:
        extract_bytes_sync(_BLANK_PAGE, PDF)
    except KreuzbergError:
        return False
    return True
