"""Words, pairs of words and runs of letters of a text, each by the number of the bucket that its hash falls into.

The hash is CRC-32, so that a bucket's number is the same in every process and on every machine. What was
counted last is kept, since several policies look at one message.
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from zlib import crc32

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_LETTERS = (3, 4, 5)


@lru_cache(maxsize=64)
def word_buckets(text: str, buckets: int) -> Mapping[int, int]:
    """How often each bucket occurs, by words and by pairs of neighbours. `buckets` is a power of two."""
    words = [word.encode() for word in _WORD.findall(text.lower())]
    found = [crc32(word) & (buckets - 1) for word in words]
    found += [
        crc32(b" " + first + b" " + second) & (buckets - 1)
        for first, second in zip([b"^", *words], words, strict=False)
    ]
    return Counter(found)


@lru_cache(maxsize=64)
def letter_buckets(text: str, buckets: int) -> Mapping[int, int]:
    """How often each bucket occurs, by runs of three to five bytes within words."""
    padded = [b" " + word.encode() + b" " for word in _WORD.findall(text)]
    return Counter(
        crc32(word[start : start + length]) & (buckets - 1)
        for word in padded
        for length in _LETTERS
        for start in range(max(1, len(word) - length + 1))
    )
