"""Whether what the model says from memory contradicts what the documents say."""

import re

from router.words import content_words, numbers

_CITATION = re.compile(r"\[\d+\]")
_YES, _NO = re.compile(r"\W*yes\b", re.IGNORECASE), re.compile(r"\W*no\b", re.IGNORECASE)


def contradicts(memory: str, answer: str) -> bool:
    """Told by what can be told apart for certain: a yes against a no, or figures on the same matter that differ."""
    said, held = memory.strip(), _CITATION.sub("", answer)
    if (_YES.match(said) and _NO.match(held)) or (_NO.match(said) and _YES.match(held)):
        return True
    figures, shown = numbers(said), numbers(held)
    on_one_matter = (set(content_words(said)) - figures) & (set(content_words(held)) - shown)
    return bool(figures and shown and not figures & shown and on_one_matter)
