"""Made-up examples in which the words tell what is right, and vectors that say nothing."""

import random

import numpy as np

from knowledge.audience import EVERYONE
from router.datasets.examples import Arm, Example
from router.learned.encoding import Facts
from router.questions import Question

PEOPLE = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Tony", "Niklaus"]


def arms(count: int, *, seed: int = 0) -> list[Example]:
    """Capitals are known by heart, leave is in the documents, and mothers of founders take several searches."""
    drawn = random.Random(seed)
    return [
        Example(
            question=asked(text.format(drawn.choice(PEOPLE), drawn.randrange(100))),
            right={arm: drawn.random() < (0.9 if arm in known else 0.1) for arm in Arm},
            dataset=name,
        )
        for name, text, known in (drawn.choice(_KINDS) for _ in range(count))
    ]


def labels(count: int, *, seed: int = 0, out_of_scope: bool = True) -> list[Example]:
    drawn = random.Random(seed)
    kinds = _LABELS if out_of_scope else [kind for kind in _LABELS if kind[0] != "oos"]
    return [
        Example(question=asked(f"{text} {drawn.choice(PEOPLE)} {drawn.randrange(50)}"), right={}, label=label)
        for label, text in (drawn.choice(kinds) for _ in range(count))
    ]


def facts_of(examples: list[Example], *, dimensions: int = 4) -> list[Facts]:
    drawn = np.random.default_rng(0)
    vectors = drawn.normal(size=(len(examples), dimensions)) / max(1, dimensions) ** 0.5
    return [
        Facts(question=example.question, passages=example.passages, vector=vector)
        for example, vector in zip(examples, vectors, strict=True)
    ]


def asked(text: str) -> Question:
    return Question(text=text, audience=EVERYONE, asker="U1")


_KINDS = [
    ("capitals", "What is the capital of {} {}?", {Arm.NONE, Arm.SINGLE, Arm.MULTI}),
    ("leave", "How long is parental leave for {} {}?", {Arm.SINGLE, Arm.MULTI}),
    ("chains", "Who is the mother of the founder of the firm of {} {}?", {Arm.MULTI}),
]
_LABELS = [
    ("transfer", "move money to the account of"),
    ("weather", "will it rain tomorrow in the town of"),
    ("music", "play the loudest song by"),
    ("oos", "how heavy is the cat of"),
]
