"""Chunks of one document that stand side by side, made one passage again in the order in which they are read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from knowledge.documents import SECTION_SEPARATOR, Part, Passage, chunk_id

# A shorter neighbour is one of a list or of headings; with a budget for many of them, not all are looked up.
_SHORT_CHUNK_CHARS = 400
_FURTHEST = 8
_BETWEEN = "\n\n"

_Admits = Callable[[Passage], bool]


def neighbours_of(hits: Sequence[Passage], *, widen_to: int) -> frozenset[str]:
    """The ids of the chunks that may stand around the hits, the hits' own left out; not each of them exists."""
    reach = min(_FURTHEST, 1 + widen_to // _SHORT_CHUNK_CHARS)
    around = {
        chunk_id(hit.document_id, hit.content_hash, number)
        for hit in hits
        if hit.number is not None and len(hit.text) < widen_to
        for number in range(max(0, hit.number - reach), hit.number + reach + 1)
    }
    return frozenset(around - {hit.chunk_id for hit in hits})


def widen(hits: Sequence[Passage], neighbours: Mapping[str, Passage], *, widen_to: int) -> list[Passage]:
    """Hits that are neighbours become one passage; one with room left takes in neighbours of its own section.

    No passage grows beyond `widen_to` characters. It keeps the place, the id and the score of its best hit.
    """
    found = {hit.chunk_id: hit for hit in hits}
    known = {**neighbours, **found}
    taken: set[str] = set()
    widened: list[Passage] = []
    for hit in hits:
        if hit.chunk_id in taken:
            continue
        run = _grow([hit], known, taken, widen_to, admits=lambda other: other.chunk_id in found)
        run = _grow(run, known, taken, widen_to, admits=lambda other, hit=hit: other.section == hit.section)
        taken.update(chunk.chunk_id for chunk in run)
        widened.append(_joined(hit, run))
    return widened


def _grow(
    run: list[Passage], known: Mapping[str, Passage], taken: Collection[str], widen_to: int, *, admits: _Admits
) -> list[Passage]:
    """Longer at both ends by turns, while what stands there is admitted and fits."""
    grows = True
    while grows:
        grows = False
        for edge, step in ((run[-1], 1), (run[0], -1)):
            other = _beside(edge, step, known)
            if other is None or other.chunk_id in taken or not admits(other):
                continue
            longer = [*run, other] if step > 0 else [other, *run]
            if len(_text(longer)) <= widen_to:
                run, grows = longer, True
    return run


def _beside(chunk: Passage, step: int, known: Mapping[str, Passage]) -> Passage | None:
    if chunk.number is None:
        return None
    return known.get(chunk_id(chunk.document_id, chunk.content_hash, chunk.number + step))


def _joined(hit: Passage, run: Sequence[Passage]) -> Passage:
    if len(run) == 1:
        return hit
    return replace(
        hit,
        section=SECTION_SEPARATOR.join(_shared(run)),
        text=_text(run),
        similarity=max(chunk.similarity for chunk in run),
        parts=tuple(Part(chunk_id=chunk.chunk_id, text=chunk.text) for chunk in run),
    )


def _text(run: Sequence[Passage]) -> str:
    """The texts below each other; where another section begins, under the headings that the first one lacks."""
    depth = len(_shared(run))
    pieces: list[str] = []
    before: str | None = None
    for chunk in run:
        headings = _path(chunk)[depth:] if chunk.section != before else ()
        pieces.append("\n".join([*headings, chunk.text]))
        before = chunk.section
    return _BETWEEN.join(pieces)


def _shared(run: Sequence[Passage]) -> tuple[str, ...]:
    """The headings under which all of them stand, outermost first."""
    levels = zip(*map(_path, run), strict=False)
    return tuple(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))


def _path(chunk: Passage) -> tuple[str, ...]:
    return tuple(chunk.section.split(SECTION_SEPARATOR)) if chunk.section else ()
