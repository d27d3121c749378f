"""A question that asks for several things, taken apart by simple rules, so that each can be looked for by itself."""

import re

from router.words import content_words, tokens

_MOST_PARTS = 3
# A longer message is no question with parts, and these patterns take time on long texts.
_MOST_CHARS = 600
_ASKS = r"(?:what|how|who|when|where|which|why|can|could|may|do|does|did|is|are|must|should|will)"
# “What is the notice period, and who signs the letter?”
_TWO_QUESTIONS = re.compile(rf"(?:[?;]\s+(?:and\s+)?|,?\s+and\s+(?:also\s+)?)(?={_ASKS}\b)", re.IGNORECASE)
# “Compare X with Y”, “the difference between X and Y”, “X versus Y”.
_BETWEEN = re.compile(
    r"\b(?:differences?|compar(?:e|ed|ing|ison)|choose|distinguish)\b(?:\s+(?:between|of))?\s+(?P<one>.+?)\s+"
    r"(?:and|with|to|from|or|versus|vs\.?|against)\s+(?P<other>.+)",
    re.IGNORECASE,
)
_VERSUS = re.compile(r"(?P<one>.+?)\s+(?:versus|vs\.?|compared (?:to|with)|rather than)\s+(?P<other>.+)", re.IGNORECASE)
# “How much leave do employees and contractors get?”; “… for employees and for contractors?”: nouns of one or two words.
_NOUN = r"(?:[A-Z][\w.-]*(?: [A-Z][\w.-]*)?|[a-z][\w-]{3,}s)"
_PAIR = re.compile(rf"(?P<one>\b{_NOUN})\s+and\s+(?:(?:for|in|at|of|to|with|by|on)\s+)?(?P<other>{_NOUN}\b)")
_TAIL = re.compile(r"\b(?:in|on|for|at|about|regarding|when)\b.+$")
_LEADING = re.compile(rf"^(?:(?:the|a|an|our|my)\s+|{_ASKS}\s+)+", re.IGNORECASE)


def parts_of(text: str) -> list[str]:
    """What to search for, part by part; empty where the question asks for one thing."""
    asked = " ".join(text.split())
    if len(asked) > _MOST_CHARS:
        return []
    for taken_apart in (_questions(asked), _compared(asked), _paired(asked)):
        parts = [part for part in dict.fromkeys(taken_apart) if content_words(part)]
        if len(parts) > 1:
            return parts[:_MOST_PARTS]
    return []


def own_words(part: str, parts: list[str]) -> str:
    """What this part alone asks for: of “leave of employees” and “leave of contractors”, the people."""
    shared = {word for other in parts if other != part for word in content_words(other)}
    own = [token for token in tokens(part) if set(content_words(token)) - shared]
    return " ".join(own) or part


def _questions(asked: str) -> list[str]:
    parts = [part.strip(" ?.,;") for part in _TWO_QUESTIONS.split(asked)]
    # “and is it paid?” says nothing by itself.
    return parts if all(len(set(content_words(part))) > 1 for part in parts) else []


def _compared(asked: str) -> list[str]:
    found = _BETWEEN.search(asked) or _VERSUS.search(asked)
    if found is None:
        return []
    one, other = (_LEADING.sub("", found[side].strip(" ?.,")) for side in ("one", "other"))
    # “employees and contractors on leave”: what stands behind the second is said of the first as well.
    tail = _TAIL.search(other)
    return [f"{one} {tail[0]}" if tail and tail.start() > 0 else one, other]


def _paired(asked: str) -> list[str]:
    found = _PAIR.search(asked)
    if found is None:
        return []
    before, after = asked[: found.start()], asked[found.end() :]
    return [f"{before}{found[side]}{after}".strip(" ?") for side in ("one", "other")]
