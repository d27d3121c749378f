"""Personal data in a text that have a form of their own: addresses, telephone, card, account and insurance numbers.

Names have none, and are not looked for: that takes a model of a language, and people's names are on every page of
a team's documents. What has a check digit is checked.
"""

import re
from collections.abc import Iterator

_EMAIL = re.compile(r"[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}\b")
_TELEPHONE = re.compile(
    r"""(?<![\w.,/:-])(?:
        (?:\+|00)[1-9][\d\s().\-/]{7,20}\d            # with a country's code
        | \(?0\d{1,5}\)?[\s/.-]{1,2}\d[\d\s.-]{4,12}\d # with an area's
        | \(?[2-9]\d{2}\)?[\s.-]\d{3}[\s.-]\d{4}       # North America
    )(?![\w%€$£]|[.,]\d)""",
    re.VERBOSE,
)
_TELEPHONE_DIGITS = range(8, 16)
# What stands before a number is looked at behind its first characters: the search for those is the fast one.
_CARD = re.compile(r"\d(?<![\d.-]\d)(?:[ -]?\d){12,18}(?![\d.-]*\d)")
_CARD_STARTS = ("2", "3", "4", "5", "6")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?<!\w[A-Z]{2}\d{2})(?:[ ]?[A-Z0-9]){11,30}\b")
_SOCIAL_SECURITY = re.compile(r"[0-8]\d\d-(?<![\d-]....)(?<!000-)(?<!666-)(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_DIGITS_IN_A_ROW = re.compile(r"\d[\d\s().\-/]{4,}\d")


def contact_data(text: str) -> Iterator[str]:
    """E-mail addresses and telephone numbers."""
    if "@" in text:
        yield from _EMAIL.findall(text)
    # Most texts have no number of that length, which is far cheaper to see.
    if not _DIGITS_IN_A_ROW.search(text):
        return
    for number in _TELEPHONE.findall(text):
        if sum(letter.isdigit() for letter in number) in _TELEPHONE_DIGITS:
            yield number


def holds_account_number(text: str) -> bool:
    """Numbers of payment cards, bank accounts (IBAN) and of the social security of the United States."""
    if _SOCIAL_SECURITY.search(text):
        return True
    if any(_is_card(number) for number in _CARD.findall(text)):
        return True
    return any(_is_iban(number) for number in _IBAN.findall(text))


def _is_card(number: str) -> bool:
    """ISO/IEC 7812: the last digit is a check over all others (Luhn)."""
    digits = [int(letter) for letter in number if letter.isdigit()]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]  # noqa: PLR2004
    total = sum(digits[-1::-2]) + sum(doubled)
    return number.startswith(_CARD_STARTS) and len(set(digits)) > 1 and total % 10 == 0


def _is_iban(number: str) -> bool:
    """ISO 13616: what follows the first four characters, and then those, is 1 modulo 97."""
    plain = number.replace(" ", "")
    # What stands behind an account number in a sentence may look like more of it.
    return any(_has_check(plain[:length]) for length in range(15, min(len(plain), 34) + 1))


def _has_check(iban: str) -> bool:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1
