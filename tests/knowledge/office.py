"""The smallest office documents, made by hand: of each kind one whose text is known, and whose XML may begin as a test likes."""

import io
import zipfile

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_OPEN = "urn:oasis:names:tc:opendocument:xmlns"


def packed(parts: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, part in parts.items():
            # The packed formats' own name for themselves is never compressed.
            file.writestr(name, part, zipfile.ZIP_STORED if name == "mimetype" else None)
    return archive.getvalue()


def document(kind: str, text: str, *, prolog: str = "", encoding: str = "utf-8") -> bytes:
    """A docx, xlsx or odt with this text, written as XML: it may hold references to what the prolog declares."""
    parts = {"docx": _docx, "xlsx": _xlsx, "odt": _odt}[kind](text, prolog)
    return packed({name: part.encode(encoding if part.startswith("<!") else "utf-8") for name, part in parts.items()})


def _docx(text: str, prolog: str) -> dict[str, str]:
    words = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = f"<w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>"
    return {
        "[Content_Types].xml": _content_types("/word/document.xml", "wordprocessingml.document.main"),
        "_rels/.rels": _link_to("word/document.xml", "officeDocument"),
        "word/document.xml": f'{prolog}<w:document xmlns:w="{words}">{body}</w:document>',
    }


def _xlsx(text: str, prolog: str) -> dict[str, str]:
    sheets = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    cell = f'<c r="A1" t="inlineStr"><is><t>{text}</t></is></c>'
    return {
        "[Content_Types].xml": _content_types("/xl/workbook.xml", "spreadsheetml.sheet.main"),
        "_rels/.rels": _link_to("xl/workbook.xml", "officeDocument"),
        "xl/workbook.xml": f'<workbook xmlns="{sheets}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _link_to("worksheets/sheet1.xml", "worksheet"),
        "xl/worksheets/sheet1.xml": f'{prolog}<worksheet xmlns="{sheets}"><sheetData>'
        f'<row r="1">{cell}</row></sheetData></worksheet>',
    }


def _odt(text: str, prolog: str) -> dict[str, str]:
    body = f"<office:body><office:text><text:p>{text}</text:p></office:text></office:body>"
    names = f'xmlns:office="{_OPEN}:office:1.0" xmlns:text="{_OPEN}:text:1.0"'
    return {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f'{prolog}<office:document-content {names} office:version="1.2">{body}</office:document-content>',
    }


def _content_types(part: str, kind: str) -> str:
    return (
        f'<Types xmlns="{_TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="{part}" ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/></Types>'
    )


def _link_to(part: str, kind: str) -> str:
    link = f'<Relationship Id="r1" Type="{_OFFICE}/{kind}" Target="{part}"/>'
    return f'<Relationships xmlns="{_LINKS}">{link}</Relationships>'
