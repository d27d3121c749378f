"""A presentation without its pictures, for a parser that gives up on one that it cannot find."""

import io
import re
import zipfile
import zlib

from knowledge.signatures import Refused

_SLIDE = re.compile(r"ppt/(?:slides|slideLayouts|slideMasters|notesSlides)/[^/]+\.xml")
_PICTURE = re.compile(rb"<p:pic\b(?:[^<]|<(?!p:pic\b))*?</p:pic\s*>", re.DOTALL)


def without_pictures(presentation: bytes) -> bytes:
    """Raises Refused where the file is no zip that can be read."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(presentation)) as source, zipfile.ZipFile(out, "w") as target:
            for part in source.infolist():
                if part.filename.startswith("ppt/media/"):
                    continue
                data = source.read(part)
                target.writestr(part.filename, _PICTURE.sub(b"", data) if _SLIDE.fullmatch(part.filename) else data)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise Refused("broken") from error
    return out.getvalue()
