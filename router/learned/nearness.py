"""The curved part of a policy's scores: how near a question lies to centres of those that were learnt from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from router.learned.encoding import Floats


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """`scale` (n_dense,) is what an encoded question's dense figures are multiplied by before distances are taken from
    `centres` (n_centres, n_dense); `weights` (n_centres, n_outputs).
    """  # noqa: D205

    scale: Floats
    centres: Floats
    weights: Floats

    def scores(self, dense: Floats) -> Floats:
        """(n_outputs,) of the dense figures of one question, (n_rows, n_outputs) of those of several."""
        return closeness(dense * self.scale, self.centres, self._squares) @ self.weights

    @cached_property
    def _squares(self) -> Floats:
        return squares(self.centres)


def closeness(points: Floats, centres: Floats, of_centres: Floats) -> Floats:
    """A Gaussian of the distance: 1 at a centre, near 0 far from it. `of_centres` are the squares of their lengths."""
    distances = squares(points)[..., None] + of_centres - 2 * points @ centres.T
    return np.exp(-np.maximum(distances, 0.0))


def squares(points: Floats) -> Floats:
    return (points**2).sum(axis=-1)
