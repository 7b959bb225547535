"""Numbers that prove themselves: payment cards, bank accounts, Spanish identity numbers.

Promises that a number is named only when its own checksum agrees. Knows no text around it.
Sources: ISO/IEC 7812-1 (Luhn), ISO 13616 (IBAN), Real Decreto 1553/2005 (DNI, NIE).
"""

from __future__ import annotations

import re

# Length of an IBAN by country, from the SWIFT IBAN registry.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FO FI GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
# First digits and lengths that the card networks issue; other runs of digits are left alone.
_CARDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d|62\d\d|35\d\d)\d{12}"
    r"|(?:50|5[6-9]|6\d)\d{14}"
)
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def is_card(digits: str) -> bool:
    """Return whether the digits are a payment card's: issued prefix, length, Luhn sum."""
    return bool(_CARDS.fullmatch(digits)) and luhn(digits)


def luhn(digits: str) -> bool:
    """Return whether the Luhn sum of ASCII digits is a multiple of 10."""
    values = [int(digit) for digit in reversed(digits)]
    doubled = [sum(divmod(2 * value, 10)) for value in values[1::2]]
    return (sum(values[::2]) + sum(doubled)) % 10 == 0


def iban_length(text: str) -> int:
    """Return how many characters of `text` are an IBAN written from its start, 0 for none.

    `text` may hold spaces and hyphens between the characters, and go on after the number.
    """
    wanted = _IBAN_LENGTHS.get(text[:2].upper(), 0)
    compact = ""
    for index, char in enumerate(text):
        compact += char.upper() if char.isalnum() else ""
        if wanted and len(compact) == wanted:
            return index + 1 if _iban_sum(compact) else 0
    return 0


def _iban_sum(compact: str) -> bool:
    rotated = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in rotated)) % 97 == 1


def is_dni(text: str) -> bool:
    """Return whether `text` is a Spanish DNI or NIE whose letter agrees; compact, upper case."""
    digits = str("XYZ".index(text[0])) + text[1:-1] if text[0] in "XYZ" else text[:-1]
    return text[-1] == _DNI_LETTERS[int(digits) % 23]
