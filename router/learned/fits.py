"""Fit the policy that the examples tell of. Imported where a fit happens: it needs scikit-learn, which a bot does without."""

from collections.abc import Sequence

from router.datasets.examples import Example
from router.learned.encoding import Facts, read
from router.learned.fitting_arms import Aims, fit_arms
from router.learned.fitting_labels import fit_labels
from router.learned.policy_file import PolicyFile


def fit_policy(
    examples: Sequence[Example], facts: Sequence[Facts], *, embedding: str, aims: Aims, seed: int = 0
) -> PolicyFile:
    """`embedding` names the model that made the vectors. Raises ExamplesUnreadable where there is too little to learn."""
    readings = [read(each) for each in facts]
    if examples[0].right:
        policy = fit_arms(examples, readings, aims, seed=seed)
    else:
        policy = fit_labels(examples, readings, seed=seed)
    return PolicyFile(policy=policy, embedding=embedding, questions=len(examples))
