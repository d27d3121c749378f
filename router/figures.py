"""Numbers in one form: `16` for sixteen, `1500` for 1,500, fifteen hundred and 1.5 thousand."""

import re
from collections.abc import Sequence
from decimal import Decimal

_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_BELOW_HUNDRED = {word: number for number, word in enumerate(_ONES.split())} | {
    word: 10 * number for number, word in enumerate(_TENS.split(), 2)
}
_HUNDRED = 100
_MAGNITUDES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_NUMERALS = frozenset({*_BELOW_HUNDRED, "hundred", *_MAGNITUDES})
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_WHOLE = re.compile(r"0*(\d+)(?:\.0+)?")

SPELLED = {word: str(number) for word, number in _BELOW_HUNDRED.items()} | {"hundred": str(_HUNDRED)}


def plain_figure(token: str) -> str:
    """Digits without signs of grouping, leading zeros and an empty fraction: `09` gives `9`, `$5.00` is `$5`."""
    figure = token.replace(",", "") if _THOUSANDS.fullmatch(token) else token
    whole = _WHOLE.fullmatch(figure)
    return whole[1] if whole else figure


def in_digits(words: Sequence[str]) -> list[str]:
    """The words, with each number that is spelled in one word or several as one word of digits."""
    read: list[str] = []
    at = 0
    while at < len(words):
        if words[at][0].isdigit():
            figure, end = _multiplied(words, at)
        elif words[at].lower() in _NUMERALS:
            figure, end = _spelled(words, at)
        else:
            figure, end = "", at
        read.append(figure if end > at else words[at])
        at = max(end, at + 1)
    return read


def _multiplied(words: Sequence[str], at: int) -> tuple[str, int]:
    """`1.5 million` from `at` on, and the place after it; `at` itself where there is no such number."""
    times = _MAGNITUDES.get(words[at + 1].lower()) if at + 1 < len(words) else None
    figure = plain_figure(words[at])
    if times is None or not re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", figure):
        return "", at
    return plain_figure(format(Decimal(figure) * times, "f")), at + 2


def _spelled(words: Sequence[str], at: int) -> tuple[str, int]:
    """`two hundred and fifty` from `at` on, and the place after it; `at` itself where no number begins."""
    closed = part = 0  # what ended in thousand or million, and what is below it
    end, opens, largest = at, True, max(_MAGNITUDES.values()) * 10
    for place in range(at, len(words)):
        word = words[place].lower()
        below = _BELOW_HUNDRED.get(word)
        if below is not None and (opens or (part % 100 >= 20 and part % 10 == 0 and 0 < below < 10)):  # noqa: PLR2004
            part, opens = part + below, False
        elif word == "hundred" and (place == at or (not opens and 0 < part < _HUNDRED)):
            part, opens = max(part, 1) * _HUNDRED, True
        elif _MAGNITUDES.get(word, largest) < largest and (place == at or part):
            largest = _MAGNITUDES[word]
            closed, part, opens = closed + max(part, 1) * largest, 0, True
        elif word == "and" and opens and end > at:
            continue
        else:
            break
        end = place + 1
    return str(closed + part), end
