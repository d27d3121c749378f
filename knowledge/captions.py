"""WebVTT captions (https://www.w3.org/TR/webvtt1/) as the text that was said, without times."""

import html
import re

_BLOCK_END = re.compile(r"\n[ \t]*\n+")
_TIMES = re.compile(r"^[\d:.,]+[ \t]+-->[ \t]+[\d:.,]+.*$", re.MULTILINE)
_VOICE = re.compile(r"<v(?:\.[^\s>]{0,200})?[ \t]+([^>\n]{1,200})>")
_TAG = re.compile(r"</?[a-z][^<>\n]{0,200}>|<[\d:.]{1,20}>", re.IGNORECASE)


def read_captions(source: str) -> str:
    """What each speaker says as a paragraph of its own, with the name before it."""
    paragraphs: list[tuple[str, list[str]]] = []
    for block in _BLOCK_END.split(source.replace("\r\n", "\n").replace("\r", "\n")):
        times = _TIMES.search(block)
        if times is None:
            # The header, a note, a style or a region.
            continue
        said = block[times.end() :].strip()
        voice = _VOICE.search(said)
        speaker = html.unescape(voice.group(1)).strip() if voice else ""
        words = " ".join(html.unescape(_TAG.sub("", _VOICE.sub("", said))).split())
        if not words:
            continue
        if paragraphs and paragraphs[-1][0] == speaker:
            # Live captions say a line again while the next one comes in.
            if paragraphs[-1][1][-1] != words:
                paragraphs[-1][1].append(words)
        else:
            paragraphs.append((speaker, [words]))
    return "\n\n".join(f"{speaker}: {' '.join(said)}" if speaker else " ".join(said) for speaker, said in paragraphs)
