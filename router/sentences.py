"""Cuts a stream of text into sentences, each as soon as it is certain to be whole."""

import re

# What a model puts before the number of a passage: [source 1], (see passage 1).
NAMED = r"(?i:(?:see|sources?|passages?|documents?|docs?|references?|refs?)(?![^\W\d_])[.:_-]?[ \t]*){1,2}(?:#[ \t]*)?"
# A sentence ends at its stop, with closing quotes and with citations that follow it, once the next word has begun:
# only then is it certain that no further [n] belongs to it.
_SQUARE = rf"[\[【][ \t]*(?:{NAMED})?\^?\d"
_ROUND = rf"\([ \t]*{NAMED}\^?\d"
_CITATIONS = rf"(?:[ \t]*(?:{_SQUARE}[^\]】\n]{{0,80}}[\]】]|{_ROUND}[^)\n]{{0,80}}\)))*"
_MAY_BE_NAMED = r"[\[【(][ \t]*(?:[A-Za-z]{1,10}[.:_-]?[ \t]*){0,2}(?:#[ \t]*)?\^?\Z"
_NEXT_WORD = rf"(?=\S)(?!{_SQUARE}|{_ROUND}|{_MAY_BE_NAMED})"
_END = re.compile(
    rf"(?P<wide>[。！？]+{_CITATIONS}\s*{_NEXT_WORD})"
    rf"|(?P<stop>[.!?…]+[\"'”’)*_]*{_CITATIONS})\s+{_NEXT_WORD}"
    rf"|\n\s*{_NEXT_WORD}"
)
_NEVER_LAST = ("mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "cf", "fig", "approx", "dept")
_BEFORE_NUMBER = ("no", "nos", "p", "pp", "art", "sec", "ch", "vol")
_LAST_WORD = re.compile(r"(\S+?)[.]+$")
_FENCE = re.compile(r"^[ \t]*(```|~~~)", re.MULTILINE)
_FENCE_END = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*(?:\n\s*(?=\S)|\n?\Z)", re.MULTILINE)


class SentenceSplitter:
    """The pieces joined are the text, with one exception.

    A run of more than `longest` characters without any space is broken by a newline, so that no link passes in
    two halves. A code block is one piece, or one per `longest` characters, cut at a line's end.
    """

    def __init__(self, *, longest: int = 600) -> None:
        self._longest = longest
        self._buffer = ""
        self._in_code = False

    def feed(self, text: str) -> list[str]:
        """The sentences that became whole with this text."""
        self._buffer += text
        pieces: list[str] = []
        while piece := self._next_piece():
            pieces.append(piece)
        return pieces

    def flush(self) -> list[str]:
        """What is left at the end of the stream."""
        pieces = self.feed("")
        rest, self._buffer, self._in_code = self._buffer, "", False
        return [*pieces, rest] if rest else pieces

    def _next_piece(self) -> str:
        end = self._code_end() if self._in_code else self._sentence_end()
        if end:
            piece, self._buffer = self._buffer[:end], self._buffer[end:]
            return piece
        return self._cut() if len(self._buffer) > self._longest else ""

    def _code_end(self) -> int:
        """A block ends where its closing fence is followed by more text."""
        opening = _FENCE.match(self._buffer)
        start = opening.end() if opening else 0
        closing = _FENCE_END.search(self._buffer, start)
        if closing is None or closing.end() == len(self._buffer):
            return 0
        self._in_code = False
        return closing.end()

    def _sentence_end(self) -> int:
        fence = _FENCE.search(self._buffer)
        limit = fence.start() if fence else len(self._buffer)
        for match in _END.finditer(self._buffer):
            if match.end() > limit:
                break
            if match["stop"] is None or self._is_last(match):
                return match.end()
        if fence is None:
            return 0
        if fence.start() == 0:
            self._in_code = True
            return self._code_end()
        return fence.start()

    def _is_last(self, match: re.Match[str]) -> bool:
        """Whether a stop ends its sentence rather than an abbreviation, an initial or the number of a list."""
        following = self._buffer[match.end()]
        found = _LAST_WORD.search(self._buffer[: match.end("stop")])
        if found is None:
            return True
        word = found[1].lstrip("([\"'“‘")
        if following.islower() or word.lower() in _NEVER_LAST:
            return False
        if following.isdigit() and word.lower() in _BEFORE_NUMBER:
            return False
        line = self._buffer[: match.start()].rsplit("\n", 1)[-1].strip()
        is_initial = len(word) == 1 and word.isalpha() and word.isupper() and word != "I"
        is_list_number = word.isdigit() and line == word
        return not (is_initial or is_list_number)

    def _cut(self) -> str:
        head = self._buffer[: self._longest]
        at = max(head.rfind(mark) for mark in ("\n", *("" if self._in_code else " \t"))) + 1
        if at:
            self._buffer = self._buffer[at:]
            return head[:at]
        self._buffer = self._buffer[self._longest :]
        return f"{head}\n"


def split_sentences(text: str) -> list[str]:
    """The sentences of a finished text, without the space around them."""
    splitter = SentenceSplitter(longest=2000)
    pieces = [*splitter.feed(text), *splitter.flush()]
    return [stripped for piece in pieces if (stripped := piece.strip())]
