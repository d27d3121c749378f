"""What decides the route now: the prior and the correction that the policy in service names."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge.documents import Passage
from router.calibration import RULES, Calibration
from router.errors import PolicyRefused
from router.learned.arms import ArmsPolicy
from router.policies import Policies
from router.prior import Outlook, Prior, starting_prior
from router.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class InService:
    """`name` is `rules` for the policy that comes with Tandem, or the `name@digest` of one that was promoted."""

    name: str = RULES
    prior: Prior = field(default_factory=starting_prior)
    calibration: Calibration = field(default_factory=Calibration)

    def outlook(
        self, question: Question, passages: Sequence[Passage] | None, vector: Sequence[float] | None
    ) -> Outlook:
        """Without a vector, where the prior weighs one, what ships with Tandem is asked."""
        prior = starting_prior() if self.prior.embedding and vector is None else self.prior
        return prior.outlook(question, passages, vector or ())


def in_service(policies: Policies, name: str) -> InService:
    """What the `name@digest`, or with "" the policy that comes with Tandem, consists of. Raises PolicyRefused."""
    if not name:
        return InService()
    kept = policies.read(name)
    if not isinstance(kept, Calibration):
        return InService(name=name, prior=_own(kept.policy, kept.embedding), calibration=Calibration(base=name))
    if kept.base == RULES:
        return InService(name=name, calibration=kept)
    base = policies.read(kept.base)
    if isinstance(base, Calibration):
        raise PolicyRefused(f"{name} corrects {kept.base}, which is itself a correction")
    return InService(name=name, prior=_own(base.policy, base.embedding), calibration=kept)


def base_of(policies: Policies, name: str) -> str:
    """Whose odds were corrected by the policy of that name: `rules`, or a `name@digest`. Raises PolicyRefused."""
    return RULES if name in {"", RULES} else in_service(policies, name).calibration.base


def _own(policy: ArmsPolicy, embedding: str) -> Prior:
    return Prior(policy=policy, embedding=embedding, is_own=True)
