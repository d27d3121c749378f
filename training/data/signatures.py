"""Questions that say nearly the same, told by their MinHash signatures (Broder, 1997).

Two questions are near-duplicates when at least 97 of the 128 values of their signatures are equal, which estimates
that they share three quarters of their shingles of four characters. Signatures are looked up by 32 bands of four
values: the 31 values in which near-duplicates may differ spoil at most 31 bands, so the one that is left finds every pair.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# datasketch is annotated only in part; this module is its door.

import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from router.exchanges import Exchange

VALUES = 128
NEARLY_ALL = 97
_BANDS = 32
_SHINGLE = 4
_SEED = 1
_HALF = 64
_STORED = np.dtype("<u4")
_AT_ONCE = 200_000
_WORD = re.compile(r"\w+")
# Odd numbers that mix the values of a band into one; two bands that meet by chance cost a comparison.
_MIXERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64)

Pairs = NDArray[np.int64]
"""`(n, 3) int64`: the lower number, the higher one, and how many of their values are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closest:
    """`similarity` is the share of equal values of the nearest pair; 0 where none came to half."""

    near_duplicates: int
    similarity: float


def sign(texts: Iterable[str]) -> list[bytes]:
    """The 128 values of each, as 512 bytes."""
    made = MinHash.bulk(map(_shingles, texts), num_perm=VALUES, seed=_SEED, hashfunc=zlib.crc32, scheme="affine32")
    return [np.asarray(each.hashvalues, _STORED).tobytes() for each in made]


def asked(exchange: Exchange) -> str:
    """What is compared: the question with the one before it in its thread, which says what “and for contractors?” means."""
    before = [turn.text for turn in exchange.thread if turn.speaker == "user"][-1:]
    return plain("\n".join([*before, exchange.question]))


def plain(text: str) -> str:
    """Words in lower case, and nothing between them but a space."""
    return " ".join(_WORD.findall(text.lower()))


class Questions:
    """Distinct signatures by number, and which of them are near to which."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._signatures = np.empty((0, VALUES), _STORED)
        self._bands = np.empty((0, _BANDS), np.uint64)
        self._near: dict[int, set[int]] = {}
        self._compared = np.empty((0, 3), np.int64)

    def add(self, signatures: Iterable[bytes]) -> None:
        """Give each that is new a number, and compare it with all others that share a band with it."""
        first = len(self._numbers)
        new = [each for each in dict.fromkeys(signatures) if each not in self._numbers]
        self._numbers.update(zip(new, range(first, first + len(new)), strict=True))
        values = np.frombuffer(b"".join(new), _STORED).reshape(-1, VALUES)
        self._signatures = np.concatenate([self._signatures, values])
        self._bands = np.concatenate([self._bands, _bands(values)])
        found = [self._compare(pairs, band) for band in range(_BANDS) for pairs in self._meetings(band, first)]
        self._compared = np.concatenate([self._compared, *found])
        for earlier, later, equal in chain.from_iterable(pairs.tolist() for pairs in found):
            if equal >= NEARLY_ALL:
                self._near.setdefault(earlier, set()).add(later)
                self._near.setdefault(later, set()).add(earlier)

    def number(self, signature: bytes) -> int:
        """Equal signatures have the same number."""
        return self._numbers[signature]

    def near(self, number: int) -> set[int]:
        """The numbers of its near-duplicates, its own among them."""
        return {number, *self._near.get(number, ())}

    def closest(self, some: Collection[int], others: Collection[int]) -> Closest:
        """How near the nearest of one group comes to the other."""
        here, there = (np.isin(self._compared[:, :2], list(group)) for group in (some, others))
        across = (here[:, 0] & there[:, 1]) | (here[:, 1] & there[:, 0])
        equal = self._compared[across, 2]
        same = len(set(some) & set(others))
        return Closest(
            near_duplicates=same + int((equal >= NEARLY_ALL).sum()),
            similarity=1.0 if same else round(float(equal.max(initial=0)) / VALUES, 4),
        )

    def _meetings(self, band: int, first: int) -> Iterator[NDArray[np.int64]]:
        """Pairs of numbers, one of them new at least, that are equal in a band; some hundred thousand at a time."""
        keys = self._bands[:, band]
        new = np.unique(keys[first:])
        if not len(new):
            return
        at = np.minimum(new.searchsorted(keys), len(new) - 1)
        meeting = np.flatnonzero(new[at] == keys)
        order = meeting[np.argsort(keys[meeting], kind="stable")]
        bounds = [0, *(np.flatnonzero(np.diff(keys[order])) + 1).tolist(), len(order)]
        waiting: list[NDArray[np.int64]] = []
        for start, end in pairwise(bounds):
            for later in range(start + 1, end):
                if order[later] < first:
                    continue
                waiting.append(np.column_stack([order[start:later], np.full(later - start, order[later])]))
                if sum(map(len, waiting)) > _AT_ONCE:
                    yield np.concatenate(waiting)
                    waiting = []
        if waiting:
            yield np.concatenate(waiting)

    def _compare(self, pairs: NDArray[np.int64], band: int) -> Pairs:
        """Those that meet in this band first, and are worth to be remembered."""
        met = (self._bands[pairs[:, 0]] == self._bands[pairs[:, 1]]).argmax(axis=1)
        pairs = pairs[met == band]
        equal = (self._signatures[pairs[:, 0]] == self._signatures[pairs[:, 1]]).sum(axis=1)
        return np.column_stack([pairs, equal])[equal >= _HALF]


def _shingles(text: str) -> set[bytes]:
    starts = range(max(1, len(text) - _SHINGLE + 1))
    return {text[at : at + _SHINGLE].encode("utf-8", "replace") for at in starts}


def _bands(signatures: NDArray[np.uint32]) -> NDArray[np.uint64]:
    by_band = signatures.reshape(len(signatures), _BANDS, VALUES // _BANDS).astype(np.uint64)
    mixed = (by_band * _MIXERS).sum(axis=2, dtype=np.uint64)
    return mixed ^ (mixed >> np.uint64(29))
