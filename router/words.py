"""Words as lexical checks compare them: lower case, lightly stemmed, numbers in one form."""

import re
import unicodedata
from functools import lru_cache

from router.figures import SPELLED, in_digits, plain_figure

_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)*"  # 1,000 and 12.5
    r"|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"  # scripts without spaces: a character is a word
    r"|[^\W\d_]+(?:['’][^\W\d_]+)*"
)
_WITHOUT_CONTENT = """
a about after all also am an and any are aren't as at be because been before being both but by can can't cannot could
did didn't do does doesn't doing don't each for from further get gets give given got had has hasn't have having he her
here him his how i i'd i'll i'm i've if in into is isn't it it's its just let let's like long many may me might more
most much must my need no nor not of off on once only or other our out over own please same shall she should so some
such than that that's the their them then there these they this those through to too under until up us very was we
we'd we'll we're we've were what what's when where which while who whom whose why will with without won't would yes you
you'd you'll you're you've your
"""
_STOPWORDS = frozenset(_WITHOUT_CONTENT.split())
_SUFFIXES = ("ations", "ation", "ements", "ement", "ments", "ment", "ings", "ing", "edly", "ed", "ies", "es", "s", "ly")
_SHORTEST_STEM = 3
_LONGEST_KEPT = 4000


def tokens(text: str) -> list[str]:
    """Every word and number, in the case it was written in."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text))


def content_words(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order; numbers as digits."""
    return list(_kept_content_words(text) if len(text) <= _LONGEST_KEPT else _content_words(text))


def _content_words(text: str) -> tuple[str, ...]:
    return tuple(stem(token) for token in in_digits(tokens(text)) if not is_function_word(token))


# A question and what was found for it are looked at from many sides.
_kept_content_words = lru_cache(maxsize=1024)(_content_words)


def is_function_word(token: str) -> bool:
    """Whether it is one of the words that carry no meaning, in English."""
    return token.lower().replace("’", "'") in _STOPWORDS


def numbers(text: str) -> set[str]:
    """Numbers above one, in digits: `one` is more often a pronoun."""
    return {found for token in in_digits(tokens(text)) if (found := stem(token))[0].isdigit() and found != "1"}


@lru_cache(maxsize=50_000)
def stem(token: str) -> str:
    """`Approved` and `approves` give `approv`, `1,000` gives `1000`, `sixteen` gives `16`."""
    if token[0].isdigit():
        return plain_figure(token)
    plain = token.lower().replace("’", "'").removesuffix("'s")
    word = plain if plain.isascii() else _unaccented(plain)
    if word in SPELLED:
        return SPELLED[word]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM and not word.endswith("ss"):
            word = word.removesuffix(suffix) + ("y" if suffix == "ies" else "")
            break
    return word.rstrip("e") if len(word) > _SHORTEST_STEM else word


def _unaccented(word: str) -> str:
    return (
        "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter)) or word
    )
