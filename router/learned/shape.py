"""The shape of a question: how it asks, what it names and how it is written, in plain figures by name."""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

_WORD = re.compile(r"\w+(?:['’]\w+)*")
# Capitalised words side by side, small words between them: “the Bank of England” names one thing.
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w.'’&-]*(?:\s+(?:(?:of|the|de|and|la|von|van)\s+)*[A-Z\d][\w.'’&-]*)*")
_YEAR = re.compile(r"\b(1\d\d\d|20\d\d)s?\b")
_QUOTED = re.compile(r"[\"“«‘]\s?[^\"”»’]{2,80}[\"”»’]")
_MANY = re.compile(r"\bhow (?:many|much|long|old|far|often|tall|big|large|high|fast|deep)\b", re.IGNORECASE)
_YES_NO = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|must|am)(?:n['’]t)?\b",
    re.IGNORECASE,
)
_SHORT, _LONG = 8, 18
_OLD, _RECENT = 1900, 2000
_ASKS = ("who", "whose", "what", "which", "when", "where", "why", "how")
# Words that hang one fact on another, as questions that take several searches do.
_CHAINS = {
    "of": re.compile(r"\bof\b", re.IGNORECASE),
    "relative": re.compile(r"\b(?:that|who|which|whose|whom|where|when)\b", re.IGNORECASE),
    "possessive": re.compile(r"['’]s\b|s['’](?=\s)"),
    "by": re.compile(r"\bby\b", re.IGNORECASE),
    "in": re.compile(r"\bin\b", re.IGNORECASE),
    "and": re.compile(r"\band\b", re.IGNORECASE),
    "or": re.compile(r"\bor\b", re.IGNORECASE),
    "both": re.compile(r"\b(?:both|same|also|share|common|between)\b", re.IGNORECASE),
    "compares": re.compile(r"\b(?:more|less|older|younger|earlier|later|first|before|after|than|longer|larger)\b", re.IGNORECASE),
    "most": re.compile(r"\b(?:most|least|only|last|\w{3,}est)\b", re.IGNORECASE),
}  # fmt: skip


@lru_cache(maxsize=64)
def shape(text: str) -> Mapping[str, float]:
    """Figures of similar size, most of them in [0, 1]; the same names for every text."""
    words = _WORD.findall(text)
    count = len(words) or 1
    lower = [word.lower() for word in words]
    names = _NAME.findall(text)
    years = [int(year) for year in _YEAR.findall(text)]
    first = lower[0] if lower else ""
    return {
        "words": math.log1p(len(words)) / 3,
        "short": float(len(words) <= _SHORT),
        "long": float(len(words) >= _LONG),
        "word_length": sum(map(len, words)) / count / 8,
        "longest_word": min(1.0, max(map(len, words), default=0) / 15),
        "ends_asking": float(text.rstrip().endswith("?")),
        "space_before_mark": float(bool(re.search(r"\s\?$", text.rstrip()))),
        "begins_capital": float(text[:1].isupper()),
        "all_lower": float(text == text.lower()),
        "names": math.log1p(len(names)),
        "name_words": sum(len(name.split()) for name in names) / count,
        "longest_name": min(1.0, max((len(name.split()) for name in names), default=0) / 6),
        "digits": math.log1p(sum(letter.isdigit() for letter in text)) / 2,
        "year": float(bool(years)),
        "recent_year": float(any(year >= _RECENT for year in years)),
        "old_year": float(any(year < _OLD for year in years)),
        "quoted": float(bool(_QUOTED.search(text))),
        "commas": math.log1p(text.count(",")),
        "brackets": float("(" in text),
        "not_ascii": float(not text.isascii()),
        "sentences": math.log1p(len(re.findall(r"[.!?]\s+[A-Z]", text))),
        "yes_no": float(bool(_YES_NO.match(text))),
        "how_many": float(bool(_MANY.search(text))),
        **{f"begins_{word}": float(first == word) for word in _ASKS},
        **{f"asks_{word}": float(word in lower) for word in _ASKS},
        **{f"chain_{name}": math.log1p(len(pattern.findall(text))) for name, pattern in _CHAINS.items()},
    }
