"""Pages and slides as headings, so that a passage's section says where in the document it stands.

A page ends no section: its heading is the innermost one, set again below each heading of the document's own,
and only where text follows. So the section reads “Travel › Page 4”.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Characters that no document uses: Unicode keeps them for private agreements.
MARKER = "\n\n\ue000{page_num}\ue001\n\n"
_MARK = re.compile(r"[ \t]*\ue000(\d{1,7})\ue001[ \t]*")
_PRIVATE = re.compile(r"[\ue000\ue001]")
_HEADING = re.compile(r"(#{1,6})([ \t].*)")
_LEVEL = 6
_PLACE = re.compile(r"(?:Page|Slide) \d+")
_BLANK_LINES = re.compile(r"\n{3,}")
# A word that the end of a line has cut in two.
_CUT_WORD = re.compile(r"(?<=[^\W\d_])(?:-|\u00ad|\u2010)\n(?=[a-zà-öø-ÿ])")
# What a line of plain text may begin with that would open a heading or a block of code.
_MARKUP = re.compile(r"(?=#{1,6}[ \t]|`{3}|~{3})")


def with_places(marked: str, place: str) -> str:
    """Markdown with a heading like “Page 3” in the place of each marker; none where the whole is one page."""
    marks = {found.group(1) for found in map(_MARK.fullmatch, marked.splitlines()) if found}
    lines: list[str] = []
    here, shown = "", ""
    for line in marked.splitlines():
        mark = _MARK.fullmatch(line)
        if mark:
            here = f"{'#' * _LEVEL} {place} {mark.group(1)}" if len(marks) > 1 else ""
            continue
        heading = _HEADING.fullmatch(line)
        if heading:
            # Its own headings stay above the place's.
            lines.append(f"{heading.group(1)[: _LEVEL - 1]}{heading.group(2)}")
            shown = ""
            continue
        if here and here != shown and line.strip():
            lines += ["", here, ""]
            shown = here
        lines.append(line)
    return _BLANK_LINES.sub("\n\n", _PRIVATE.sub("", "\n".join(lines))).strip()


def place_of(headings: Sequence[str]) -> str:
    """The page or slide that a section's path ends in; empty where it ends in another heading."""
    return headings[-1] if headings and _PLACE.fullmatch(headings[-1]) else ""


def marked_text(nodes: Iterable[Mapping[str, Any]]) -> str:
    """A parsed document's blocks as Markdown, with a marker before the first one of each page."""
    text = ""
    here = 0
    for node in nodes:
        block = _block(node["content"])
        if not block:
            continue
        page = node.get("page") or here
        if page != here:
            text += MARKER.format(page_num=page)
            here = page
        text += f"{block}\n" if node["content"]["node_type"] == "list_item" else f"\n{block}\n"
    return text


def _block(content: Mapping[str, Any]) -> str:
    kind = content["node_type"]
    if kind == "table":
        return _table(content["grid"])
    if kind in {"group", "list", "page_break", "image"}:
        # A group's and a list's parts follow it.
        return ""
    text = _PRIVATE.sub("", _CUT_WORD.sub("", str(content.get("text") or ""))).strip()
    if kind in {"heading", "title"} and text:
        return f"{'#' * int(content.get('level') or 1)} {' '.join(text.split())}"
    if kind == "list_item" and text:
        return f"- {' '.join(text.split())}"
    line = " ".join(text.split())
    return f"\\{line}" if _MARKUP.match(line) else line


def _table(grid: Mapping[str, Any]) -> str:
    rows = [[""] * int(grid["cols"]) for _ in range(int(grid["rows"]))]
    for cell in grid["cells"]:
        rows[cell["row"]][cell["col"]] = " ".join(str(cell["content"]).replace("|", "\\|").split())
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "| --- " * int(grid["cols"]) + "|", *lines[1:]]) if lines else ""
