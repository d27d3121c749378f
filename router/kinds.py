"""What kind of message this is, where no phrase of ours foresaw it: known by what other people's messages look like."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from knowledge.audience import EVERYONE
from router.datasets.kinds import OTHER, TASK
from router.learned.encoding import Facts
from router.questions import Question
from router.smalltalk import LONGEST, Social, SocialPart, social_part
from router.starting_policy import kinds_policy

_SURE, _LIKELY = 0.9, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How much of a message is small talk; and how likely it asks for a sum, a spelling or a translation, 0 where that is
    less likely than not.
    """  # noqa: D205

    social: SocialPart
    task: float = 0.0


@lru_cache(maxsize=256)
def kind_of(text: str) -> Kind:
    """By our phrases, or by what was learned, whichever says more; of long messages the phrases alone tell.

    What was learned makes small talk of a whole message where it is surer than nine in ten.
    """
    by_phrases = social_part(text)
    if by_phrases.share == 1.0 or len(text) > LONGEST or not any(map(str.isalnum, text)):
        return Kind(social=by_phrases)
    question = Question(text=text, audience=EVERYONE, asker="")
    facts = Facts(question=question, passages=None, vector=np.zeros(0))
    odds = dict(kinds_policy().weigh_facts(facts).probabilities)
    task = odds.pop(TASK)
    social = 1 - odds.pop(OTHER) - task
    return Kind(social=_more(by_phrases, social, max(odds, key=odds.__getitem__)), task=task if task > _LIKELY else 0.0)


def _more(by_phrases: SocialPart, likely: float, kind: str) -> SocialPart:
    if likely <= by_phrases.share:
        return by_phrases
    share = 1.0 if likely >= _SURE else likely
    return replace(by_phrases, kind=by_phrases.kind or Social(kind), share=share, core=max(by_phrases.core, likely))
