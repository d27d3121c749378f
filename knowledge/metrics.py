"""How good a ranking is: recall, reciprocal rank and nDCG at a cutoff, as trec_eval and BEIR count them.

A ranking is a query's documents, best first, each of them once. `grades` holds the documents that people judged for this
query, with how relevant each is; above zero is relevant, and at least one of them must be.
"""

import math
from collections.abc import Mapping, Sequence

Grades = Mapping[str, int]


def recall(ranking: Sequence[str], grades: Grades, *, at: int) -> float:
    """The share of the relevant documents that stand among the first."""
    relevant = {document for document, grade in grades.items() if grade > 0}
    return len(relevant & set(ranking[:at])) / len(relevant)


def reciprocal_rank(ranking: Sequence[str], grades: Grades, *, at: int) -> float:
    """One over the rank of the first relevant document; 0 where none stands among the first."""
    ranks = (rank for rank, document in enumerate(ranking[:at], start=1) if grades.get(document, 0) > 0)
    return 1 / next(ranks, math.inf)


def ndcg(ranking: Sequence[str], grades: Grades, *, at: int) -> float:
    """The discounted gain of this ranking by that of the best possible one; a document's gain is its grade."""
    best = sorted(grades.values(), reverse=True)
    return _discounted([grades.get(document, 0) for document in ranking[:at]]) / _discounted(best[:at])


def _discounted(gains: Sequence[int]) -> float:
    return sum(max(gain, 0) / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
