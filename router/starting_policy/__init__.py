"""The policies that ship with Tandem, for the days before a team's own clicks; README.md tells where they are from."""

from functools import cache
from pathlib import Path

from router.errors import PolicyUnreadable
from router.learned.arms import ArmsPolicy
from router.learned.labels import LabelPolicy
from router.learned.policy_file import read_policy

FOLDER = Path(__file__).parent


@cache
def starting_policy() -> ArmsPolicy:
    """It weighs no embedding, so that it can be asked before any search. Raises PolicyUnreadable."""
    file = read_policy(FOLDER)
    if not isinstance(file.policy, ArmsPolicy) or file.embedding:
        raise PolicyUnreadable(f"{FOLDER} does not hold a policy over arms without an embedding")
    return file.policy


@cache
def kinds_policy() -> LabelPolicy:
    """Its labels are those of `router.datasets.kinds`. Raises PolicyUnreadable."""
    file = read_policy(FOLDER / "kinds.json")
    if not isinstance(file.policy, LabelPolicy) or file.embedding:
        raise PolicyUnreadable(f"{FOLDER} does not hold a policy over kinds of messages without an embedding")
    return file.policy
