"""Rows with a common beginning share it: one forward pass computes the beginning once.

In grounded rows the passages are most of the tokens, and a dozen questions are asked of the same passages.
A tree holds the common beginning (the stem) and, per row, the rest (a branch). A branch attends to the stem
and to itself (training.attention), its positions go on where the stem ends, and every label keeps its
predecessor, so loss and gradient are those of the rows computed apart.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Below this share of a row's length, sharing costs more in small matrices than it saves.
_WORTH_SHARING = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRow:
    """Token ids of prompt and completion; the completion starts at `start`, and only it is learnt."""

    ids: tuple[int, ...]
    start: int

    @property
    def labels(self) -> int:
        return len(self.ids) - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Rows whose first `stem` tokens are the same. A row alone is all stem."""

    rows: tuple[EncodedRow, ...]
    stem: int

    @property
    def tokens(self) -> int:
        return _tokens(self.rows, self.stem)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSpan:
    """Where a tree stands in a pack: its stem at [start, stem_end), then one (start, end) per branch."""

    start: int
    stem_end: int
    branches: tuple[tuple[int, int], ...]

    @property
    def end(self) -> int:
        return self.branches[-1][1] if self.branches else self.stem_end


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Several trees in one sequence. `targets[i]` is to be predicted from the token at `sources[i]`."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    spans: tuple[TreeSpan, ...]
    sources: tuple[int, ...]
    targets: tuple[int, ...]


def grow_trees(rows: Sequence[EncodedRow], *, max_tokens: int) -> list[Tree]:
    """Every row in exactly one tree of at most `max_tokens` (a longer row stands alone)."""
    trees: list[Tree] = []
    growing: list[EncodedRow] = []
    stem = 0
    for row in sorted(rows, key=lambda row: row.ids):
        if growing:
            common = _common_prefix(growing[-1].ids, row.ids, stem)
            apart = _tokens(growing, stem) + len(row.ids)
            together = _tokens([*growing, row], common)
            if together <= max_tokens and apart - together >= _WORTH_SHARING * len(row.ids):
                growing.append(row)
                stem = common
                continue
            trees.append(Tree(rows=tuple(growing), stem=stem))
        growing, stem = [row], len(row.ids)
    if growing:
        trees.append(Tree(rows=tuple(growing), stem=stem))
    return trees


def pack_trees(trees: Sequence[Tree], *, max_tokens: int, rng: random.Random) -> Iterator[Pack]:
    """All trees in random order, as many to a pack as fit into `max_tokens`."""
    shuffled = rng.sample(trees, len(trees))
    waiting: list[Tree] = []
    for tree in shuffled:
        if waiting and sum(each.tokens for each in waiting) + tree.tokens > max_tokens:
            yield lay_out(waiting)
            waiting = []
        waiting.append(tree)
    if waiting:
        yield lay_out(waiting)


def lay_out(trees: Sequence[Tree]) -> Pack:
    ids: list[int] = []
    positions: list[int] = []
    spans: list[TreeSpan] = []
    sources: list[int] = []
    targets: list[int] = []
    for tree in trees:
        start = len(ids)
        stem_end = start + tree.stem
        ids.extend(tree.rows[0].ids[: tree.stem])
        positions.extend(range(tree.stem))
        branches: list[tuple[int, int]] = []
        for row in tree.rows:
            branch = len(ids)
            ids.extend(row.ids[tree.stem :])
            positions.extend(range(tree.stem, len(row.ids)))
            if len(ids) > branch:
                branches.append((branch, len(ids)))
            place = [*range(start, stem_end), *range(branch, len(ids))]
            sources.extend(place[row.start - 1 : -1])
            targets.extend(row.ids[row.start :])
        spans.append(TreeSpan(start=start, stem_end=stem_end, branches=tuple(branches)))
    return Pack(
        ids=tuple(ids),
        positions=tuple(positions),
        spans=tuple(spans),
        sources=tuple(sources),
        targets=tuple(targets),
    )


def _tokens(rows: Sequence[EncodedRow], stem: int) -> int:
    return stem + sum(len(row.ids) - stem for row in rows)


def _common_prefix(left: tuple[int, ...], right: tuple[int, ...], limit: int) -> int:
    # One token of each row stays outside the stem, so that every row has a branch.
    limit = min(limit, len(left) - 1, len(right) - 1)
    return next((n for n in range(limit) if left[n] != right[n]), limit)
