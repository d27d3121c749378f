"""Other ways to ask the same: so that what was corrected once is known however it is asked.

By rule and not by a model: a small one changes what a question means, and nobody reads over these.
"""

import random
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

import yaml

# `{q}` is the question, `{s}` the same inside a sentence, `{k}` its telling words.
_FRAMES = (
    "{q}",
    "{q}",
    "{s}",
    "Quick question: {q}",
    "Hi, {s}",
    "Hello! {q}",
    "{q} Thanks!",
    "Remind me: {s}",
    "I forgot, {s}",
    "Sorry to ask again. {q}",
    "Does anybody know: {s}",
    "I am new here. {q}",
    "A colleague wants to know: {s}",
    "I have to know this today. {q}",
    "{k}",
    "{k}?",
    "What about {k}?",
    "A question about {k}.",
    "Our rule for {k}?",
    "What do I have to know about {k}?",
)
# Words that are asked with, and not asked about.
_ASKING = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "for",
        "to",
        "in",
        "on",
        "at",
        "by",
        "with",
        "from",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "do",
        "does",
        "did",
        "have",
        "has",
        "had",
        "i",
        "we",
        "you",
        "they",
        "it",
        "he",
        "she",
        "my",
        "our",
        "your",
        "their",
        "its",
        "me",
        "us",
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "how",
        "can",
        "could",
        "may",
        "might",
        "must",
        "should",
        "would",
        "will",
        "shall",
        "there",
        "this",
        "that",
        "these",
        "those",
        "and",
        "or",
        "so",
        "if",
        "any",
        "some",
        "please",
        "am",
        "allowed",
        "person",
        "place",
        "time",
        "number",
        "amount",
        "reason",
        "way",
    ]
)
_DROPPED_SHARE = 0.4
_REPLACED_SHARE = 0.4


def rewordings(question: str, count: int, rng: random.Random) -> list[str]:
    """Up to `count` of them, all different from one another and from the question."""
    found: dict[str, None] = {}
    for _ in range(20 * count):
        if len(found) == count:
            break
        reworded = _reworded(question, rng)
        if reworded.casefold() != question.casefold():
            found[reworded] = None
    return list(found)


def _reworded(question: str, rng: random.Random) -> str:
    text = _with_synonyms(question, rng)
    telling = [word for word in _words(text) if word.lower() not in _ASKING] or list(_words(text))
    if rng.random() < _DROPPED_SHARE:
        text = _without_some(text, rng)
    inside = text[:1].lower() + text[1:] if text[1:2].islower() else text
    if rng.random() < 0.5:  # noqa: PLR2004 - a coin
        rng.shuffle(telling)
    return rng.choice(_FRAMES).format(q=text, s=inside.rstrip("?. "), k=" ".join(telling))


def _with_synonyms(text: str, rng: random.Random) -> str:
    """Some words replaced by others of their meaning."""
    for meaning in _meanings():
        for word in meaning:
            pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
            if pattern.search(text) and rng.random() < _REPLACED_SHARE:
                other = rng.choice([each for each in meaning if each != word])
                text = pattern.sub(lambda found, other=other: _as_begun(other, found[0]), text, count=1)
                break
    return text


def _as_begun(word: str, like: str) -> str:
    return word[:1].upper() + word[1:] if like[:1].isupper() else word


def _without_some(text: str, rng: random.Random) -> str:
    """Typed in haste: a word or two that the question is understood without."""
    words = text.split()
    spare = [place for place, word in enumerate(words) if word.strip("?.,!").lower() in _ASKING]
    dropped = set(rng.sample(spare, min(len(spare), rng.randint(1, 2))))
    return " ".join(word for place, word in enumerate(words) if place not in dropped) or text


def _words(text: str) -> Iterator[str]:
    for found in re.finditer(r"[\w’'-]+", text):
        yield found[0]


@cache
def _meanings() -> list[list[str]]:
    return yaml.safe_load(resources.files("training").joinpath("synonyms.yaml").read_text("utf-8"))
