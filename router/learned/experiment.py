"""A policy from examples, and its figures on others: what `tandem route fit` and `tandem route eval` do."""

from collections.abc import Callable, Sequence

import numpy as np

from router.datasets.examples import Example
from router.errors import PolicyUnreadable
from router.learned.arms import ArmsPolicy
from router.learned.encoding import Facts
from router.learned.evaluation import ArmsFigures, LabelFigures, evaluate_arms, evaluate_labels
from router.learned.policy_file import PolicyFile
from router.queries import search_query

# Vectors of length one for texts, in their order.
Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
# How many questions are embedded, and how many there are.
Progress = Callable[[int, int], None]

_BATCH = 256


def gather(examples: Sequence[Example], embed: Embed | None = None, progress: Progress | None = None) -> list[Facts]:
    """Embed what would be searched for, as in service; without `embed` the vectors are empty."""
    vectors = [] if embed is None else _embedded(examples, embed, progress)
    return [
        Facts(
            question=example.question,
            passages=example.passages,
            vector=np.array(vectors[number] if vectors else [], dtype=np.float64),
        )
        for number, example in enumerate(examples)
    ]


def _embedded(examples: Sequence[Example], embed: Embed, progress: Progress | None) -> list[Sequence[float]]:
    queries = [search_query(example.question) for example in examples]
    vectors: list[Sequence[float]] = []
    for start in range(0, len(queries), _BATCH):
        if progress:
            progress(start, len(queries))
        vectors += embed(queries[start : start + _BATCH])
    return vectors


def evaluate(file: PolicyFile, examples: Sequence[Example], facts: Sequence[Facts]) -> ArmsFigures | LabelFigures:
    """Raises PolicyUnreadable where the policy is of another kind than the examples."""
    of_arms = bool(examples[0].right)
    if isinstance(file.policy, ArmsPolicy) != of_arms:
        told = ("arms", "labels") if of_arms else ("labels", "arms")
        raise PolicyUnreadable(f"The examples tell of {told[0]}, and the policy was fitted on {told[1]}")
    if isinstance(file.policy, ArmsPolicy):
        return evaluate_arms(file.policy, examples, facts)
    return evaluate_labels(file.policy, examples, facts)
