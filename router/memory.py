"""How likely a model is to know the answer by heart, as the starting policy has learned it from public questions."""

import math

import numpy as np

from router.datasets.examples import Arm
from router.learned.arms import ArmsPolicy
from router.learned.encoding import Facts
from router.questions import Question

# Of the questions that the starting policy was fitted on, a model without documents knew this share.
_USUAL = 0.32
# The policy has met questions of an encyclopedia only: of a message in Slack it may not say more than this.
_FURTHEST = 1.5


def known_by_heart(policy: ArmsPolicy, question: Question) -> float:
    """Log-odds that an answer without a search is right, less those of a usual question; within ±1.5."""
    odds = policy.odds(Facts(question=question, passages=None, vector=np.zeros(0)))
    return max(-_FURTHEST, min(_FURTHEST, _log_odds(odds[Arm.NONE]) - _log_odds(_USUAL)))


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
