"""The kinds of document that Tandem reads, by a file's name and by what a server says of it."""

from pathlib import PurePath

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
EPUB = "application/epub+zip"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
XLS = "application/vnd.ms-excel"
MSG = "application/vnd.ms-outlook"
RTF = "application/rtf"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
HTML = "text/html"
CSV = "text/csv"
TSV = "text/tab-separated-values"
RST = "text/x-rst"
VTT = "text/vtt"
JSON = "application/json"
EML = "message/rfc822"

_KIND_OF_SUFFIX = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".txt": PLAIN,
    ".rst": RST,
    ".html": HTML,
    ".htm": HTML,
    ".pdf": PDF,
    ".docx": DOCX,
    ".pptx": PPTX,
    ".xlsx": XLSX,
    ".doc": DOC,
    ".ppt": PPT,
    ".xls": XLS,
    ".odt": ODT,
    ".rtf": RTF,
    ".epub": EPUB,
    ".csv": CSV,
    ".tsv": TSV,
    ".json": JSON,
    ".eml": EML,
    ".msg": MSG,
    ".vtt": VTT,
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
}
_KINDS = frozenset(_KIND_OF_SUFFIX.values())
_OTHER_NAMES = {
    "application/xhtml+xml": HTML,
    "application/x-pdf": PDF,
    "text/x-markdown": MARKDOWN,
    "text/prs.fallenstein.rst": RST,
    "text/rtf": RTF,
}
# What to make of a kind that is not read.
_INSTEAD = (
    ((".pages", ".wpd", ".odg", ".vsd", ".vsdx", ".pub", ".xps", ".djvu", ".ps", ".one"), "a PDF"),
    ((".key", ".odp", ".gslides"), "a PDF or a pptx"),
    ((".numbers", ".ods"), "an xlsx"),
    ((".gdoc",), "a docx"),
    ((".gsheet",), "an xlsx"),
    ((".xml", ".mht", ".mhtml", ".ipynb"), "HTML or Markdown"),
    ((".mobi", ".azw3", ".fb2"), "an epub"),
    ((".mbox", ".pst"), "single messages as eml"),
    ((".srt", ".mp3", ".m4a", ".wav", ".mp4", ".mov", ".webm"), "a transcript as vtt"),
    ((".heic",), "a JPEG"),
)

_ARCHIVES = frozenset({"application/zip", "application/x-zip-compressed"})

READABLE = ", ".join(
    [*(suffix[1:] for suffix in _KIND_OF_SUFFIX if suffix not in {".markdown", ".htm", ".jpeg", ".tiff"}), "zip"]
)


def kind_of(name: str, content_type: str = "") -> str | None:
    """The media type to read a file as, or None for a kind that is not read.

    A server's content type counts more than the name, except for text/plain, which servers use for Markdown too.
    """
    announced = content_type.split(";", maxsplit=1)[0].strip().lower()
    announced = _OTHER_NAMES.get(announced, announced)
    if announced in _KINDS and announced != PLAIN:
        return announced
    by_name = _KIND_OF_SUFFIX.get(PurePath(name).suffix.lower())
    return by_name or (announced if announced in _KINDS else None)


def is_picture(kind: str | None) -> bool:
    """Read where it is named. Among other files it is mostly a logo or an illustration."""
    return kind is not None and kind in _KINDS and kind.startswith("image/")


def kind_among_others(name: str, content_type: str = "") -> str | None:
    """As of what was not named itself, but found where it stands: None for a picture too."""
    kind = kind_of(name, content_type)
    return None if is_picture(kind) else kind


def is_document(name: str) -> bool:
    """Whether a file in a folder is one of its documents; JSON there is mostly the settings of some program."""
    return kind_among_others(name) not in {None, JSON}


def is_archive(name: str, content_type: str = "") -> bool:
    """Whether it is a zip archive of documents, which the zip-based office formats are not."""
    announced = content_type.split(";", maxsplit=1)[0].strip().lower()
    suffix = PurePath(name).suffix.lower()
    return suffix == ".zip" or (announced in _ARCHIVES and suffix not in _KIND_OF_SUFFIX)


def instead_of(name: str) -> str | None:
    """What to save a file of this name as, where its kind is known and not read."""
    suffix = PurePath(name).suffix.lower()
    return next((instead for suffixes, instead in _INSTEAD if suffix in suffixes), None)
