"""A linear model over encoded questions: one score for each of its outputs."""

from dataclasses import dataclass

import numpy as np

from router.learned.encoding import Encoded, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """`sparse` (n_ngrams, n_outputs), `dense` (n_dense, n_outputs) and `bias` (n_outputs,)."""

    sparse: Floats
    dense: Floats
    bias: Floats

    def scores(self, encoded: Encoded) -> Floats:
        return encoded.values @ self.sparse[encoded.columns] + encoded.dense @ self.dense + self.bias


def logistic(scores: Floats) -> Floats:
    return 1 / (1 + np.exp(-scores))


def softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
