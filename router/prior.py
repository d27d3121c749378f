"""What a question alone says about how it is answered best, before anything is searched: learned from examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from knowledge.documents import Passage
from router.calibration import logit
from router.datasets.examples import Arm
from router.errors import PolicyBroken
from router.learned.arms import STEPS, ArmsPolicy
from router.learned.encoding import Facts
from router.questions import Question
from router.starting_policy import starting_policy

# Of the questions that the starting policy was fitted on, a model without documents knew this share.
_USUAL = 0.32
# The starting policy has met questions of an encyclopedia only: of a message in Slack it may not say more than this.
_FURTHEST = 1.5
# A team's own examples are of its own questions.
_FURTHEST_OF_OWN = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Log-odds: that memory knows the answer beyond what is usual, that several searches are worth more than one, and
    that no answer will be right; the last two are 0 where a team has no examples of its own (`is_own`).
    """  # noqa: D205

    by_heart: float = 0.0
    several: float = 0.0
    hopeless: float = 0.0
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """A policy over arms; `embedding` names the model whose vectors it weighs, empty where it weighs none.

    One that is a team's own says more: against documents too, and about all of its arms.
    """

    policy: ArmsPolicy
    embedding: str = ""
    is_own: bool = False

    def outlook(self, question: Question, passages: Sequence[Passage] | None, vector: Sequence[float] = ()) -> Outlook:
        """`vector` is that of what is searched for; it has to be there where the policy weighs one. Raises PolicyBroken."""
        if not self.is_own:
            odds = self.policy.odds(Facts(question=question, passages=None, vector=np.zeros(0)))
            return Outlook(by_heart=_bounded(logit(odds[Arm.NONE]) - logit(_USUAL), _FURTHEST))
        weighed = np.asarray(vector if self.embedding else (), dtype=np.float64)
        try:
            with np.errstate(all="ignore"):
                odds = self.policy.odds(Facts(question=question, passages=passages, vector=weighed))
        except (ValueError, LookupError) as error:
            # Such as a figure that this version does not read, or vectors of another length.
            raise PolicyBroken from error
        if not np.isfinite(list(odds.values())).all():
            raise PolicyBroken
        return self._own(odds)

    def _own(self, odds: dict[Arm, float]) -> Outlook:
        """The arms are compared when their searches are paid, and held to the thresholds that were fitted with them."""
        worth = {arm: chance - self.policy.price * STEPS[arm] for arm, chance in odds.items()}
        thresholds, by_search = self.policy.thresholds, [worth[arm] for arm in worth if arm is not Arm.NONE]
        to_beat = max(thresholds.direct, *by_search) if by_search else thresholds.direct
        several = logit(worth[Arm.MULTI]) - logit(worth[Arm.SINGLE]) if {Arm.SINGLE, Arm.MULTI} <= set(worth) else 0.0
        return Outlook(
            by_heart=_bounded(logit(odds.get(Arm.NONE, 0.0)) - logit(to_beat), _FURTHEST_OF_OWN),
            several=_bounded(several, _FURTHEST_OF_OWN),
            hopeless=_bounded(logit(thresholds.answer) - logit(max(odds.values())), _FURTHEST_OF_OWN),
            is_own=True,
        )


@cache
def starting_prior() -> Prior:
    """What ships with Tandem."""
    return Prior(policy=starting_policy())


def _bounded(value: float, furthest: float) -> float:
    return max(-furthest, min(furthest, value))
