"""Which rows to fit on and which to predict, so that none is predicted by a model that saw it."""

from collections.abc import Iterator, Sequence

import numpy as np

from router.errors import ExamplesUnreadable


def check_folds(groups: Sequence[str], count: int) -> None:
    """Raises ExamplesUnreadable where not each fold would hold a group."""
    if len({group or number for number, group in enumerate(groups)}) < count:
        raise ExamplesUnreadable(f"A policy is fitted on questions of {count} conversations or more")


def folds(
    strata: Sequence[str], groups: Sequence[str], *, seed: int, count: int
) -> Iterator[tuple[list[int], list[int]]]:
    """(rows to fit on, rows to predict), `count` times; each row is predicted once.

    Folds are alike in their strata. Rows of a group stay together; an empty group is a row by itself.
    """
    members: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group or f" {number}", []).append(number)
    units = list(members.values())
    order: list[int] = np.random.default_rng(seed).permutation(len(units)).tolist()
    shuffled = [units[number] for number in order]
    # Dealt out like cards, stratum after stratum.
    shuffled.sort(key=lambda rows: strata[rows[0]])
    for fold in range(count):
        predicted = {row for unit in shuffled[fold::count] for row in unit}
        if predicted:
            yield [row for row in range(len(groups)) if row not in predicted], sorted(predicted)
