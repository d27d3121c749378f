# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeArgument=false
# LlamaIndex leaves its metadata dicts and tokenizer callables untyped.
"""Documents cut into chunks at their own headings, with tables and code kept whole where they fit.

What is embedded is the title, the section's path and the chunk's text; together they stay within the
embedding model's window, so that nothing of a chunk goes unseen.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.node_parser import NodeParser, SentenceSplitter
from llama_index.core.schema import BaseNode, NodeRelationship, TextNode

from knowledge.blocks import CountTokens, has_blocks, pack_blocks, split_blocks
from knowledge.documents import SECTION_SEPARATOR, Document, chunk_id
from knowledge.layout import AUTHOR, CHANNEL, CONTENT_HASH, KIND, MODIFIED, SCOPE, author_keys
from knowledge.places import place_of

_HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?!\s)|(?<=\b[A-Z])\.)*(?:[.!?]+\s+|\n\s*|\Z)")
# A section shorter than this says too little alone; it goes with the one after it.
_SHORT_TOKENS = 48
# The title and section path take at most a third of a chunk; a title that is longer alone, at most half.
_HEADER_SHARE = 3
_TITLE_SHARE = 2
_EMBEDDED_KEYS = frozenset({"title", "section"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A piece of a document under one heading; `path` holds the headings above it, outermost first."""

    path: tuple[str, ...]
    text: str


class HeadingChunker(NodeParser):
    """A LlamaIndex node parser: sections at headings, long ones cut between sentences, very short ones joined."""

    chunk_tokens: int
    _count: CountTokens = PrivateAttr()

    def __init__(self, *, chunk_tokens: int, count_tokens: CountTokens) -> None:
        super().__init__(chunk_tokens=chunk_tokens, include_metadata=True, include_prev_next_rel=False)  # pyright: ignore[reportCallIssue]
        self._count = count_tokens

    def chunks_of(self, document: TextNode) -> Iterator[TextNode]:
        title = self._fit_title(str(document.metadata["title"]))
        for number, section in enumerate(self._pieces(title, document.text)):
            metadata = document.metadata | {
                "title": title,
                "section": SECTION_SEPARATOR.join(section.path),
                "number": number,
            }
            shown = _EMBEDDED_KEYS if section.path else _EMBEDDED_KEYS - {"section"}
            yield TextNode(
                id_=chunk_id(document.node_id, document.metadata[CONTENT_HASH], number),
                text=section.text,
                metadata=metadata,
                excluded_embed_metadata_keys=[key for key in metadata if key not in shown],
                metadata_template="{value}",
                metadata_separator=SECTION_SEPARATOR,
                text_template="{metadata_str}\n{content}",
                relationships={NodeRelationship.SOURCE: document.as_related_node_info()},
            )

    def _parse_nodes(self, nodes: Sequence[BaseNode], show_progress: bool = False, **_: Any) -> list[BaseNode]:  # noqa: ARG002 — NodeParser's signature
        return [chunk for node in nodes if isinstance(node, TextNode) for chunk in self.chunks_of(node)]

    def _pieces(self, title: str, text: str) -> Iterator[Section]:
        for section in self._join_short(_sections(text)):
            path = self._fit_header(title, tuple(heading for heading in section.path if heading != title))
            room = self.chunk_tokens - self._count(SECTION_SEPARATOR.join([title, *path])) - 2
            for piece in self._split(section.text, room):
                if piece.strip():
                    yield Section(path=path, text=piece.strip())

    def _split(self, text: str, room: int) -> Iterator[str]:
        splitter = SentenceSplitter(
            chunk_size=room,
            chunk_overlap=0,
            tokenizer=self._tokens,
            chunking_tokenizer_fn=_sentences,
            paragraph_separator="\n\n",
        )
        if has_blocks(text) and self._count(text) > room:
            blocks = split_blocks(text)
            yield from pack_blocks(blocks, room=room, count=self._count, split_prose=splitter.split_text)
        else:
            yield from splitter.split_text(text)

    def _join_short(self, sections: Iterator[Section]) -> Iterator[Section]:
        held: Section | None = None
        for section in sections:
            if held is not None and self._belong_together(held, section):
                held = _joined(held, section)
                continue
            if held is not None:
                yield held
            held = section
        if held is not None:
            yield held

    def _belong_together(self, first: Section, second: Section) -> bool:
        if place_of(first.path) != place_of(second.path):
            # A citation that names the page or the slide can name one only.
            return False
        length = self._count(first.text)
        return length < _SHORT_TOKENS and length + self._count(second.text) < self.chunk_tokens // 2

    def _tokens(self, text: str) -> range:
        """What SentenceSplitter takes for tokens: it asks for their number only."""
        return range(self._count(text))

    def _fit_title(self, title: str) -> str:
        fitting = title
        while self._count(fitting) > self.chunk_tokens // _TITLE_SHARE:
            fitting = fitting[: len(fitting) * 3 // 4]
        return title if fitting == title else f"{fitting.rstrip()}…"

    def _fit_header(self, title: str, path: tuple[str, ...]) -> tuple[str, ...]:
        """Drop the outermost headings until title and path leave the text its room."""
        while path and self._count(SECTION_SEPARATOR.join([title, *path])) > self.chunk_tokens // _HEADER_SHARE:
            path = path[1:]
        return path


def as_node(document: Document, *, content_hash: str) -> TextNode:
    """`content_hash` names the version that is cut from it: chunks of two versions have no id in common."""
    known = {
        KIND: document.kind,
        AUTHOR: author_keys(document.author),
        CHANNEL: document.channel,
        MODIFIED: document.modified_at and int(document.modified_at.timestamp()),
    }
    return TextNode(
        id_=document.id,
        text=document.text,
        metadata={
            "title": document.title,
            "uri": document.uri,
            SCOPE: document.scope,
            CONTENT_HASH: content_hash,
        }
        | {key: value for key, value in known.items() if value},
    )


def _sentences(text: str) -> list[str]:
    # The empty match at the end would look to SentenceSplitter like progress.
    return [sentence for sentence in _SENTENCE.findall(text) if sentence]


def _sections(text: str) -> Iterator[Section]:
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)[:3]
        heading = None if fence or mark else _HEADING.fullmatch(line)
        if heading is None:
            lines.append(line)
            continue
        level = len(heading.group(1))
        yield from _section(path, lines, next_level=level)
        path = [*(step for step in path if step[0] < level), (level, heading.group(2).strip(" *_"))]
        lines = []
    yield from _section(path, lines, next_level=0)


def _section(path: list[tuple[int, str]], lines: list[str], *, next_level: int) -> Iterator[Section]:
    """What stands below a heading; the heading itself where nothing does, no deeper heading either."""
    body = "\n".join(lines).strip()
    headings = tuple(heading for _, heading in path)
    if body:
        yield Section(path=headings, text=body)
    elif path and next_level <= path[-1][0] and headings[-1]:
        yield Section(path=headings[:-1], text=headings[-1])


def _joined(first: Section, second: Section) -> Section:
    """Both under the headings they share; the headings that they do not share stand in the text."""
    shared = tuple(
        one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first.path, second.path, strict=False))
    )
    place = () if place_of(shared) else tuple(filter(None, [place_of(first.path)]))
    texts = [
        "\n".join([*section.path[len(shared) : len(section.path) - len(place)], section.text])
        for section in (first, second)
    ]
    return Section(path=(*shared, *place), text="\n\n".join(texts))
