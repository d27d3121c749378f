"""The blocks of a Markdown text that are read as a whole: a table, a piece of code, the prose between them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt

CountTokens = Callable[[str], int]
SplitProse = Callable[[str], list[str]]

# A table's names of columns and the line below them.
_HEADER_LINES = 2
# A header that takes more of a chunk than this is not repeated: it would leave the rows too little room.
_HEADER_SHARE = 2
_BETWEEN = "\n\n"
# Blocks only: what stands within a line is of no concern here.
_MARKDOWN = MarkdownIt("zero").enable(["table", "fence"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    kind: Literal["prose", "table", "code"]
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def has_blocks(text: str) -> bool:
    """Whether there may be a table or code in it; quick, and wrong only in saying yes."""
    return "|" in text or "```" in text or "~~~" in text


def split_blocks(text: str) -> list[Block]:
    """The text's blocks in order: GitHub's tables, fenced code, and the prose around them."""
    lines = text.split("\n")
    blocks: list[Block] = []
    end = 0
    for token in _MARKDOWN.parse(text):
        if token.type not in {"table_open", "fence"} or token.map is None:
            continue
        start, stop = token.map
        blocks += _prose(lines[end:start])
        blocks.append(Block(kind="code" if token.type == "fence" else "table", lines=tuple(lines[start:stop])))
        end = stop
    return [*blocks, *_prose(lines[end:])]


def pack_blocks(blocks: Sequence[Block], *, room: int, count: CountTokens, split_prose: SplitProse) -> Iterator[str]:
    """Pieces of at most `room` tokens: as many whole blocks in each as fit.

    A table that is too long alone is cut between rows and its header repeated, code between lines and its fence
    repeated; a row or line that is too long alone is cut as prose is.
    """
    held = ""
    for block in blocks:
        for piece in _pieces(block, room=room, count=count, split_prose=split_prose):
            both = f"{held}{_BETWEEN}{piece}" if held else piece
            if held and count(both) > room:
                yield held
                both = piece
            held = both
    if held:
        yield held


def _prose(lines: Sequence[str]) -> list[Block]:
    text = "\n".join(lines).strip("\n")
    return [Block(kind="prose", lines=tuple(text.split("\n")))] if text.strip() else []


def _pieces(block: Block, *, room: int, count: CountTokens, split_prose: SplitProse) -> Iterator[str]:
    if count(block.text) <= room:
        yield block.text
        return
    opening, body, closing = _frame(block)
    frame = [*opening, *closing]
    if not frame or count("\n".join(frame)) > room // _HEADER_SHARE:
        yield from split_prose(block.text)
        return
    rows: list[str] = []
    for row in body:
        if rows and count("\n".join([*opening, *rows, row, *closing])) > room:
            yield "\n".join([*opening, *rows, *closing])
            rows = []
        if not rows and count("\n".join([*opening, row, *closing])) > room:
            yield from split_prose(row)
        else:
            rows.append(row)
    if rows:
        yield "\n".join([*opening, *rows, *closing])


def _frame(block: Block) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What is repeated before each part, what is cut into parts, and what is repeated after each."""
    match block.kind:
        case "table":
            return block.lines[:_HEADER_LINES], block.lines[_HEADER_LINES:], ()
        case "code":
            fence = block.lines[0].lstrip()
            mark = fence[: len(fence) - len(fence.lstrip(fence[0]))]
            is_closed = len(block.lines) > 1 and block.lines[-1].strip().startswith(mark)
            body = block.lines[1:-1] if is_closed else block.lines[1:]
            return block.lines[:1], body, (mark,)
        case "prose":
            return (), block.lines, ()
