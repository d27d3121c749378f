"""What decides the route now: the prior and the correction that the policy in service names."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge.documents import Passage
from router.calibration import RULES, Calibration
from router.errors import PolicyBroken, PolicyRefused
from router.policies import FittedArms, KeptPolicy, Policies
from router.prior import Outlook, Prior, starting_prior
from router.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class InService:
    """`name` is `rules` for the policy that comes with Tandem, or the `name@digest` of one that was promoted; `base` is
    that of the policy whose odds the calibration corrects.
    """  # noqa: D205

    name: str = RULES
    base: str = RULES
    prior: Prior = field(default_factory=starting_prior)
    calibration: Calibration = field(default_factory=Calibration)

    def outlook(
        self, question: Question, passages: Sequence[Passage] | None, vector: Sequence[float] | None
    ) -> Outlook:
        """Raises PolicyBroken, also without a vector where the prior weighs one."""
        if self.prior.embedding and vector is None:
            raise PolicyBroken
        return self.prior.outlook(question, passages, vector or ())


def in_service(policies: Policies, name: str) -> InService:
    """What the `name@digest`, or with "" the policy that comes with Tandem, consists of. Raises PolicyRefused."""
    return consisting_of(policies, policies.read(name), name) if name else InService()


def consisting_of(policies: Policies, policy: KeptPolicy, name: str) -> InService:
    """What a policy would be in service, whether or not it is kept yet. Raises PolicyRefused."""
    if not isinstance(policy, Calibration):
        return InService(name=name, base=name, prior=_own(policy))
    if policy.base == RULES:
        return InService(name=name, calibration=policy)
    try:
        base = policies.read(policy.base)
    except PolicyRefused as error:
        raise PolicyRefused(f"{name} corrects {policy.base}, which cannot be read: {error}") from error
    if isinstance(base, Calibration):
        raise PolicyRefused(f"{name} corrects {policy.base}, which is itself a correction")
    return InService(name=name, base=policy.base, prior=_own(base), calibration=policy)


def base_of(policies: Policies, name: str) -> str:
    """Whose odds were corrected by the policy of that name: `rules`, or a `name@digest`. Raises PolicyRefused."""
    return RULES if name in {"", RULES} else in_service(policies, name).base


def _own(arms: FittedArms) -> Prior:
    return Prior(policy=arms.policy, embedding=arms.embedding, is_own=True)
