"""The kinds of document that Tandem reads."""

from pathlib import PurePath

_KIND_OF_SUFFIX = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".csv": "text/csv",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text",
}
_KINDS = frozenset(_KIND_OF_SUFFIX.values()) | {"application/xhtml+xml"}

READABLE = ", ".join(suffix[1:] for suffix in _KIND_OF_SUFFIX)


def kind_of(name: str, content_type: str = "") -> str | None:
    """The media type to read a file as, or None for a kind that is not read.

    A server's content type counts more than the name, except for text/plain, which servers use for Markdown too.
    """
    announced = content_type.split(";", maxsplit=1)[0].strip().lower()
    if announced in _KINDS and announced != "text/plain":
        return "text/html" if announced == "application/xhtml+xml" else announced
    by_name = _KIND_OF_SUFFIX.get(PurePath(name).suffix.lower())
    return by_name or (announced if announced in _KINDS else None)
