"""What to search for: a follow-up with what it refers to, and other words for a search that found little."""

import re
from collections.abc import Sequence

from knowledge.documents import Passage
from knowledge.filters import without_filters
from router.questions import Question, Turn
from router.smalltalk import social_part
from router.words import content_words, tokens

_FOLLOW_UP = re.compile(
    r"^\W*(?:and|but|or|so|also|then|ok(?:ay)?|what about|how about|what if|same for|why|why not|really|which one|who else"
    r"|anything else|what else|tell me more|more|now|instead|make it|again|shorter|longer)\b",
    re.IGNORECASE,
)
_REFERS_BACK = re.compile(
    r"\b(?:it|its|this|that|these|those|them|they|their|he|she|him|her|there|the same|the first|the second|the last|one)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 2
_EARLIER_CHARS = 300
_QUERY_CHARS = 600
_TITLES = 3
_FILLER = frozenset(
    content_words(
        "please tell know find explain show help want wonder question thing things something anyone anybody way ways work"
    )
)


def refers_back(text: str) -> bool:
    """Whether a message can only be understood with what was said before it."""
    opening = _FOLLOW_UP.match(text)
    return bool(opening or _REFERS_BACK.search(text) or len(set(content_words(text))) < _FEW_WORDS)


def standalone(question: Question) -> str:
    """The question with what the thread makes it refer to; itself where it stands alone."""
    if not refers_back(question.text):
        return question.text
    earlier = without_filters(_referent(question.thread))
    return f"{earlier} {question.text}" if earlier else question.text


def search_query(question: Question) -> str:
    return standalone(question)[:_QUERY_CHARS]


def rewordings(query: str, near_hits: Sequence[Passage]) -> list[str]:
    """Other ways to ask the same: its keywords; then those with the title words of pages that came near."""
    keywords = _keywords(query)
    if not keywords:
        return []
    known = set(content_words(query))
    titles = dict.fromkeys(
        word
        for passage in near_hits[:_TITLES]
        for word in tokens(f"{passage.title} {passage.section}")
        if not known.issuperset(content_words(word))
    )
    wider = " ".join([*keywords, *list(titles)[: 2 * _TITLES]])
    candidates = [" ".join(keywords), wider]
    return [text for text in dict.fromkeys(candidates) if text.lower() != query.lower()]


def _referent(thread: Sequence[Turn]) -> str:
    """The person's last message that stands alone, with the follow-ups since."""
    said = [turn.text for turn in thread if turn.speaker == "user" and social_part(turn.text).share < 1]
    since: list[str] = []
    for text in reversed(said):
        since.insert(0, text[:_EARLIER_CHARS])
        if not refers_back(text):
            break
    return " ".join(since[:1] + since[-1:] if len(since) > 1 else since)


def _keywords(query: str) -> list[str]:
    return [word for word in tokens(query) if set(content_words(word)) - _FILLER]
