"""Markdown as people keep it, made into the plain Markdown that is searched and shown.

Site generators put front matter, template tags and raw HTML into pages. None of that is what a reader sees,
and a link's target is dropped too: the passage's own source is the link that an answer gives.
Code is left as it stands.
"""

import html
import re
from collections.abc import Callable

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
# Unindented lines of YAML: a key's own, an entry of the list below it, a comment, the end of a value in brackets.
_FRONT_KEY = re.compile(r"""(?:[^\W\d][\w.-]*|"[^"]+"|'[^']+')[ \t]*:(?:[ \t]|\Z)""")
_FRONT_LINE = re.compile(r"""(?:[^\W\d][\w. /-]{0,60}|"[^"]+"|'[^']+')[ \t]*:(?:[ \t]|\Z)|-(?:[ \t]|\Z)|[#\]}]""")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_CODE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)|(?<!`)(`{1,2})(?!`)[^\n]+?(?<!`)\2(?!`)",
    re.DOTALL | re.MULTILINE,
)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)

# No opening may stand within: else a page of nothing but openings takes time with its square.
_TEMPLATE_COMMENT = re.compile(
    r"\{%-?\s*comment\s*-?%\}(?:[^{]|\{(?!%-?\s*comment))*?\{%-?\s*endcomment\s*-?%\}", re.DOTALL
)
_TEMPLATE_TAG = re.compile(r"\{%[^\n]{0,500}?%\}|\{\{[^\n]{0,500}?\}\}")
_QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'")

_COMMENT = re.compile(r"<!--(?:[^<]|<(?!!--))*?-->", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style|svg)\b[^>]{0,500}>(?:[^<]|<(?!\1\b))*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_HTML_HEADING = re.compile(r"<h([1-6])\b[^>]{0,500}>(.{0,500}?)</h\1\s*>", re.DOTALL | re.IGNORECASE)
_CELL_END = re.compile(r"</t[dh]\s*>", re.IGNORECASE)
_LINE_END = re.compile(r"<(?:br|hr|p|li|tr|/p|/li|/tr|/div|/summary)\b[^>]{0,500}>", re.IGNORECASE)
# Named one by one: “<your name>” is text.
_TAG = re.compile(
    r"</?(?:a|abbr|article|aside|b|blockquote|button|caption|center|cite|code|col|colgroup|dd|del|details|dfn|div|dl|dt"
    r"|em|figcaption|figure|font|footer|form|header|i|iframe|img|input|ins|kbd|label|main|mark|nav|ol|option|picture"
    r"|pre|q|s|samp|section|select|small|source|span|strike|strong|sub|summary|sup|table|tbody|td|textarea|tfoot|th"
    r"|thead|time|tt|u|ul|var|video|wbr)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)

_LINK = re.compile(
    r"!?\[([^\[\]]{0,500})\](?:\([^()\n]{0,2000}(?:\([^()\n]{0,500}\)[^()\n]{0,500})?\)|\[[^\[\]\n]{0,200}\])(?:\{:?[^{}\n]{0,200}\})?"
)
_LINK_DEFINITION = re.compile(r"^[ ]{0,3}\[[^\[\]\n]{1,200}\]:[ \t]+\S.*$", re.MULTILINE)
_EMPHASIS = re.compile(
    r"(?<![\\\w*])(\*{1,3})(?=[^\s*])([^*\n]{1,500}?)(?<=[^\s*\\])\1(?![\w*])|(?<![\\\w_])(_{1,3})(?=[^\s_])([^_\n]{1,500}?)(?<=[^\s_\\])\3(?![\w_])"
)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~&])")
_SETEXT = re.compile(r"^(?![ \t]*[-#>|*+])(\S[^\n|]{0,200})\n(=+|-{3,})[ \t]*$", re.MULTILINE)
_TRAILING_SPACE = re.compile(r"[ \t]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")


def split_front_matter(source: str) -> tuple[str | None, str]:
    """The title that the front matter gives, if any, and the text after it."""
    found = _FRONT_MATTER.match(source)
    if found is None or not _is_front_matter(found.group(1)):
        return None, source
    title = _FRONT_TITLE.search(found.group(1))
    return (title.group(1).strip("\"'").strip() or None if title else None), source[found.end() :]


def _is_front_matter(block: str) -> bool:
    """Whether it is YAML keys or nothing: what stands between two rules may as well be the page's first part."""
    lines = [line for line in block.split("\n") if line.strip() and not line.startswith((" ", "\t"))]
    first = next((line for line in lines if not line.startswith("#")), None)
    if first is None:
        return not block.strip()
    # The first key is one word; with more words allowed before its colon, a sentence would pass for it.
    return _FRONT_KEY.match(first) is not None and all(map(_FRONT_LINE.match, lines))


def first_heading(text: str) -> str | None:
    found = _HEADING.search(_CODE.sub("", text))
    return found.group(1).strip(" *_") if found else None


def tidy(source: str) -> str:
    """The text a reader of the page sees, as Markdown."""
    text = _TEMPLATE_COMMENT.sub("", source.replace("\r\n", "\n").replace("\r", "\n"))
    text = _outside_code(_tidy_prose, text)
    return _BLANK_LINES.sub("\n\n", _TRAILING_SPACE.sub("", text)).strip()


def _outside_code(change: Callable[[str], str], text: str) -> str:
    pieces: list[str] = []
    end = 0
    for code in _CODE.finditer(text):
        pieces += [change(text[end : code.start()]), code.group(0)]
        end = code.end()
    return "".join([*pieces, change(text[end:])])


def _tidy_prose(text: str) -> str:
    text = _TEMPLATE_TAG.sub(_words_of_tag, text)
    text = _SCRIPT.sub("", _COMMENT.sub("", text))
    text = _HTML_HEADING.sub(
        lambda found: f"\n\n{'#' * int(found.group(1))} {' '.join(found.group(2).split())}\n\n", text
    )
    text = _TAG.sub("", _LINE_END.sub("\n", _CELL_END.sub(" | ", text)))
    # Twice: an image may stand inside a link.
    text = _LINK.sub(r"\1", _LINK.sub(r"\1", _LINK_DEFINITION.sub("", text)))
    text = _SETEXT.sub(lambda found: f"{'#' if found.group(2)[0] == '=' else '##'} {found.group(1)}", text)
    text = _EMPHASIS.sub(_words_of_emphasis, _EMPHASIS.sub(_words_of_emphasis, text))
    return html.unescape(_ESCAPE.sub(r"\1", text))


def _words_of_tag(tag: re.Match[str]) -> str:
    """A template tag's last quoted argument is often what the reader sees (an image's text, a channel's name); a path is not."""
    quoted = [double or single for double, single in _QUOTED.findall(tag.group(0))]
    return quoted[-1] if quoted and "/" not in quoted[-1] and "." not in quoted[-1][:-1] else ""


def _words_of_emphasis(emphasis: re.Match[str]) -> str:
    return emphasis.group(2) or emphasis.group(4)
