"""Takes the sting out of links and mentions in a model's text: only links of retrieved sources survive."""

import re
from collections.abc import Collection
from dataclasses import dataclass

REMOVED = "(link removed)"
# Between two letters it is invisible, and neither Slack nor a browser sees a name or a host there any more.
_JOINER = "\u2060"

# A target may hold brackets in pairs: https://wiki.example/Leave_(parental)
_TARGET = r"\(\s*(?:<(?P<angled>[^<>\n]*)>|(?P<url>(?:[^()<>\s]|\([^()<>\s]*\))*))(?:\s[^)\n]*)?\)"
_INLINE = re.compile(rf"!?\[(?P<text>[^\]\n]*)\]{_TARGET}")
# A label may hold brackets too, escaped or in pairs, and begin on another line: its end is enough.
_INLINE_END = re.compile(rf"(?P<text>\]){_TARGET}")
_INLINE_REST = re.compile(r"(?P<text>\])\((?P<url>[^)]*)\)")
_SLACK_LINK = re.compile(r"<(?P<url>[^<>|\s]+)\|(?P<text>[^<>]*)>")
_AUTOLINK = re.compile(r"<(?P<url>(?:[a-z][a-z0-9+.-]{1,30}:|//|www\.)[^<>\s]*)>", re.IGNORECASE)
_DEFINITION = re.compile(r"^[ \t]*\[(?P<label>[^\]\n]+)\]:[ \t]*(?P<url>\S+).*$", re.MULTILINE)
_SCHEME = re.compile(
    r"(?:[a-z][a-z0-9+.-]+:/{1,3}|javascript:|vbscript:|mailto:|\btel:(?=[\d+])|\bdata:(?=[\w.+-]*[/,;]))[^\s<>\"`]*",
    re.IGNORECASE,
)
_NO_SCHEME = re.compile(
    r"(?<![\w:/.@])(?://|\\\\)(?=[\w.-]+\.\w)[^\s<>\"`]+|(?<![\w@.])www\.[^\s<>\"`]+", re.IGNORECASE
)
_PATH = r"(?::\d{1,5})?(?:/|[?#](?=[^\s<>\"`]*\w))[^\s<>\"`]*"
# Endings of folders that are no top-level domains: project.git/hooks leads nowhere, and stays readable.
_FOLDER = r"(?:git|conf|config|hourly|daily|weekly|monthly)(?![\w-])"
# Behind “.”, “/” and “@” too: what follows them in “../evil.ninja/leak” is a link all the same. It is looked for from
# its first label on only, or a long row of labels would be read once for each.
_HOST_WITH_PATH = re.compile(
    rf"(?<![\w-])(?<![\w-]\.)(?:[\w-]+\.)+(?!{_FOLDER})(?:[^\W\d_]{{2,24}}|[Xx][Nn]--[A-Za-z\d-]+){_PATH}"
    rf"|(?<!\w)(?<!\w\.)(?:\d{{1,3}}\.){{3}}\d{{1,3}}{_PATH}"
)
# Endings that are also those of files (md, py, rs, sh) need a path to be taken for a host.
_HOST = re.compile(
    r"(?<![\w@./-])((?:[\w-]+\.)+)(com|net|org|edu|gov|mil|int|info|biz|io|co|ai|app|dev|xyz|top|site|online|shop|store"
    r"|tech|cloud|link|click|live|page|web|cool|space|icu|vip|club|security|example|uk|de|fr|eu|us|ca|au|nl|ch|ru|cn|jp|br"
    r"|kr|tv|cc|to|ly|gg|ws|su|tk|ml|ga|cf|gq|xn--[a-z\d-]+)(?![\w-])",
    re.IGNORECASE,
)
_SLACK_NAME = re.compile(r"<([!@#])([^<>|\s]*)(?:\|([^<>]*))?>")
_SLACK_OPENING = re.compile(r"<(?=[!@#])")
_BROADCAST = re.compile(r"@(?=(?:channel|here|everyone|group)\b)", re.IGNORECASE)
_TRAILING = ".,;:!?)]}'’”*_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defused:
    text: str
    removed: int


def defuse(text: str, allowed: Collection[str] = ()) -> Defused:
    """Replace each link whose URL is not in `allowed`, whatever its form, and break each mention.

    A link's text stays. URLs in code go as well: where code ends is the reader's opinion, not ours. A host
    without a path carries nothing away, so it stays readable, with an invisible character that unlinks it.
    """
    removed = 0
    kept: list[str] = []

    def keep(url: str) -> str:
        kept.append(url)
        return f"\0{len(kept) - 1}\0"

    def labelled(match: re.Match[str]) -> str:
        nonlocal removed
        label = match["text"].strip()
        url = match.groupdict().get("angled") or match["url"] or ""
        if url in allowed:
            return f"{label} ({keep(url)})" if label and label != url else keep(url)
        removed += 1
        return label or REMOVED

    def bare(match: re.Match[str]) -> str:
        nonlocal removed
        found = match.groupdict().get("url") or match[0]
        url = found.rstrip(_TRAILING)
        for end in range(len(found), len(url) - 1, -1):
            if found[:end] in allowed:
                return keep(found[:end]) + found[end:]
        removed += 1
        return REMOVED + found[len(url) :] if url else found

    text = text.replace("\0", "")
    for form in (_INLINE, _INLINE_END, _INLINE_REST, _SLACK_LINK):
        text = form.sub(labelled, text)
    for form in (_DEFINITION, _AUTOLINK, _SCHEME, _NO_SCHEME, _HOST_WITH_PATH):
        text = form.sub(bare, text)
    text = _HOST.sub(rf"\1{_JOINER}\2", text)
    text = _SLACK_NAME.sub(lambda match: f"{match[1]}{_JOINER}{match[3] or match[2]}", text)
    text = _SLACK_OPENING.sub(f"<{_JOINER}", text)
    text = _BROADCAST.sub(f"@{_JOINER}", text)
    # Taking one link out may join the ends of another, and a stream may bring the rest of this one.
    text = text.replace("](", "] (")
    return Defused(text=re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], text), removed=removed)
