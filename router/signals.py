"""What a policy can see in a message, its thread and the passages found: plain figures, most in [0, 1]."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.documents import Passage
from router.lexicon import (
    ASKER,
    CRAFT,
    DEFINE,
    DEICTIC,
    EXPLAIN,
    EXPLETIVE,
    GENERIC,
    POLITE,
    SUM,
    TASK,
    TEAM,
    WORKPLACE,
)
from router.queries import refers_back, standalone
from router.questions import Question
from router.smalltalk import SocialPart, social_part
from router.words import content_words, is_function_word, tokens

_TOP = 3
# Fewer are words to search for, in any language.
_FEWEST_WORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """`similarity` is the best passage's cosine, `breadth` the mean of the best three, `coverage` the share of the
    question's content words that stand in those three. All 0 where nothing was searched or found. `taught` is how
    near it comes to know-how that the adapter in service was taught, 0 where it was taught none. `is_foreign`: no word
    of it tells what it asks about, in the one language that these figures know.
    """  # noqa: D205

    searched: bool
    similarity: float
    breadth: float
    coverage: float
    team: float
    general: float
    vague: float
    social: float
    social_core: float
    length: float
    is_empty: bool
    is_foreign: bool
    taught: float = 0.0


def read_signals(
    question: Question,
    passages: Sequence[Passage] | None,
    taught: float = 0.0,
    *,
    social: SocialPart | None = None,
    task: float = 0.0,
) -> Signals:
    """`passages` is None where the documents were not searched; `taught` is that figure (see `router.know_how`).

    `social` is how much is small talk, without which our phrases alone tell; `task` how likely a sum or the like is
    asked for.
    """
    text = question.text.strip()
    whole = standalone(question)
    social = social or social_part(text)
    found = sorted((passage.similarity for passage in passages or ()), reverse=True)[:_TOP]
    return Signals(
        searched=passages is not None,
        similarity=found[0] if found else 0.0,
        breadth=sum(found) / len(found) if found else 0.0,
        coverage=coverage(whole, passages or ()),
        team=_team(whole),
        general=max(_general(text, whole), task),
        vague=_vague(question),
        social=social.share,
        social_core=social.core,
        length=min(1.0, (len(text) + len(text.split())) / 400),
        is_foreign=_is_foreign(text),
        is_empty=not any(letter.isalnum() for letter in text),
        taught=taught,
    )


def coverage(text: str, passages: Sequence[Passage]) -> float:
    """The share of the text's content words that stand in the best passages."""
    asked = set(content_words(text)) - GENERIC or set(content_words(text))
    best = sorted(passages, key=lambda passage: passage.similarity, reverse=True)[:_TOP]
    held = {word for passage in best for word in content_words(f"{passage.title} {passage.section} {passage.text}")}
    return len(asked & held) / len(asked) if asked else 0.0


def _team(text: str) -> float:
    """Whether the message asks about this team and its workplace."""
    words = set(content_words(text))
    workplace = min(1.0, len(words & WORKPLACE) / 2)
    return min(1.0, 0.7 * bool(TEAM.search(text)) + 0.3 * bool(ASKER.search(text)) + 0.7 * workplace)


def _general(text: str, whole: str) -> float:
    """Whether the message asks for general knowledge, for a text or for a sum."""
    own = _shape(text)
    return own if text == whole else max(own, 0.8 * _shape(whole))


def _shape(text: str) -> float:
    asked = POLITE.sub("", text)
    return min(
        1.0,
        0.8 * bool(TASK.match(asked))
        + max(0.45 * bool(EXPLAIN.match(asked)), 0.4 * bool(DEFINE.match(asked)))
        + 0.9 * bool(SUM.search(asked))
        + 0.35 * bool(CRAFT.search(asked)),
    )


def _is_foreign(text: str) -> bool:
    words = tokens(text)
    return len(words) >= _FEWEST_WORDS and not any(is_function_word(word) for word in words)


def _vague(question: Question) -> float:
    """Whether the message says too little to be answered, and no thread says the rest."""
    if any(turn.speaker == "user" for turn in question.thread):
        return 0.0
    text = EXPLETIVE.sub(" ", question.text)
    telling = set(content_words(text)) - GENERIC
    points = bool(DEICTIC.search(text)) or not content_words(text)
    if not telling:
        return 1.0 if points or refers_back(question.text) else 0.85
    return 0.7 if points and len(telling) == 1 else 0.35 if len(question.text.split()) == 1 else 0.0
