"""Small talk that no phrase of ours foresaw: known by what other people's small talk looks like."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from knowledge.audience import EVERYONE
from router.datasets.small_talk import OTHER
from router.learned.encoding import Facts
from router.questions import Question
from router.smalltalk import LONGEST, Social, SocialPart, social_part
from router.starting_policy import small_talk_policy

_SURE = 0.9


@lru_cache(maxsize=256)
def small_talk_in(text: str) -> SocialPart:
    """How much of a message is small talk: by our phrases, or by what was learned, whichever says more.

    What was learned counts as the whole message where it is surer than nine in ten.
    """
    by_phrases = social_part(text)
    if by_phrases.share == 1.0 or len(text) > LONGEST or not any(map(str.isalnum, text)):
        return by_phrases
    question = Question(text=text, audience=EVERYONE, asker="")
    odds = dict(
        small_talk_policy().weigh_facts(Facts(question=question, passages=None, vector=np.zeros(0))).probabilities
    )
    likely = 1 - odds.pop(OTHER)
    if likely <= by_phrases.share:
        return by_phrases
    kind = by_phrases.kind or Social(max(odds, key=odds.__getitem__))
    share = 1.0 if likely >= _SURE else likely
    return replace(by_phrases, kind=kind, share=share, core=max(by_phrases.core, likely))
