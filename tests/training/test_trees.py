import random

from hypothesis import given
from hypothesis import strategies as st

from training.trees import EncodedRow, Pack, grow_trees, lay_out, pack_trees

_TOKENS = st.lists(st.integers(0, 3), min_size=2, max_size=12)


@st.composite
def _rows(draw):
    ids = draw(_TOKENS)
    return EncodedRow(ids=tuple(ids), start=draw(st.integers(1, len(ids) - 1)))


def _row(text: str, start: int) -> EncodedRow:
    return EncodedRow(ids=tuple(text.encode()), start=start)


def _paths(pack: Pack) -> list[tuple[int, ...]]:
    """What a reader of each branch sees: the stem, then the branch."""
    return [
        tuple(pack.ids[span.start : span.stem_end] + pack.ids[start:end])
        for span in pack.spans
        for start, end in span.branches or [(0, 0)]
    ]


@given(st.lists(_rows(), min_size=1, max_size=12), st.integers(4, 60))
def test_every_row_can_be_read_along_its_branch(rows: list[EncodedRow], budget: int):
    packs = list(pack_trees(grow_trees(rows, max_tokens=budget), max_tokens=budget, rng=random.Random(0)))

    assert sorted(path for pack in packs for path in _paths(pack)) == sorted(row.ids for row in rows)


@given(st.lists(_rows(), min_size=1, max_size=12))
def test_every_label_is_predicted_once_from_the_token_before_it(rows: list[EncodedRow]):
    pack = lay_out(grow_trees(rows, max_tokens=1000))

    wanted = sorted((n - 1, row.ids[n - 1], row.ids[n]) for row in rows for n in range(row.start, len(row.ids)))
    found = sorted(
        (pack.positions[source], pack.ids[source], target)
        for source, target in zip(pack.sources, pack.targets, strict=True)
    )
    assert found == wanted


@given(st.lists(_rows(), min_size=1, max_size=12), st.integers(4, 60))
def test_pack_stays_within_budget_unless_a_single_row_is_longer(rows: list[EncodedRow], budget: int):
    packs = pack_trees(grow_trees(rows, max_tokens=budget), max_tokens=budget, rng=random.Random(0))

    assert all(len(pack.ids) <= budget or len(pack.spans) == 1 for pack in packs)


def test_questions_on_the_same_passages_share_them():
    passages = "p" * 100
    trees = grow_trees([_row(f"{passages}{n}question", 104) for n in range(5)], max_tokens=1000)

    assert [(len(tree.rows), tree.stem, tree.tokens) for tree in trees] == [(5, 100, 100 + 5 * 9)]


def test_rows_with_little_in_common_stand_alone():
    trees = grow_trees([_row("system aaaaaaaaaaaaaaaa", 9), _row("system bbbbbbbbbbbbbbbb", 9)], max_tokens=1000)

    assert [len(tree.rows) for tree in trees] == [1, 1]
