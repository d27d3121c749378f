"""A learned policy over arms: how likely each way to answer is to be right, and which of them is worth its steps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from router.datasets.examples import Arm
from router.learned.encoding import Encoder, Facts, Floats, Ints, Reading, read
from router.learned.linear import Linear, logistic
from router.learned.nearness import Nearness

# Searches of a question, as published for these arms: the mean of the real ones for several.
STEPS: Mapping[Arm, float] = {Arm.NONE: 0.0, Arm.SINGLE: 1.0, Arm.MULTI: 3.8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """`direct` is the least probability at which an answer without a search is given, `answer` the least at which any is.

    Fitted together: of the answers given, and of the direct ones among them, at most `risk` are wrong.
    """

    risk: float
    direct: float
    answer: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsPolicy:
    """`price` is what one search is worth in probability; `model` and `near` have one output an arm, in the order of
    `arms`, and their sum is the arm's log-odds. A policy without `near` is linear.
    """  # noqa: D205

    encoder: Encoder
    model: Linear
    near: Nearness | None = None
    arms: tuple[Arm, ...]
    price: float
    thresholds: Thresholds

    def probabilities(self, facts: Facts) -> Floats:
        """How likely each arm is to be right, each by itself; they do not sum to one."""
        return self.weigh(read(facts, buckets=self.encoder.buckets))

    def weigh(self, reading: Reading) -> Floats:
        encoded = self.encoder.weigh(reading)
        scores = self.model.scores(encoded)
        return logistic(scores if self.near is None else scores + self.near.scores(encoded.dense))

    def odds(self, facts: Facts) -> dict[Arm, float]:
        return dict(zip(self.arms, map(float, self.probabilities(facts)), strict=True))

    def choose(self, probabilities: Floats) -> Ints:
        """The number of the arm with the most probability left when its searches are paid, for each row."""
        return choose(probabilities, steps_of(self.arms), self.price)

    def decide(self, facts: Facts) -> Arm | None:
        """The arm to answer by, or None: none is likely enough to be right."""
        number = int(self.decide_among(self.probabilities(facts)[None, :])[0])
        return None if number < 0 else self.arms[number]

    def decide_among(self, probabilities: Floats) -> Ints:
        """The number of an arm for each row, or -1 where it is better to say that no answer is known."""
        return decide(probabilities, steps_of(self.arms), price=self.price, thresholds=self.thresholds)


def steps_of(arms: tuple[Arm, ...]) -> Floats:
    return np.array([STEPS[arm] for arm in arms])


def choose(probabilities: Floats, steps: Floats, price: float) -> Ints:
    return (probabilities - price * steps).argmax(axis=1)


def decide(probabilities: Floats, steps: Floats, *, price: float, thresholds: Thresholds) -> Ints:
    likely_enough = np.where((steps == 0) & (probabilities < thresholds.direct), -np.inf, probabilities)
    chosen = choose(likely_enough, steps, price)
    return np.where(likely_enough.max(axis=1) < thresholds.answer, -1, chosen)
