"""The check character of an id: ISO/IEC 7064, MOD 37,36 (hybrid system, one character, 0-9 and A-Z).

Finds every single wrong character and every swap of two neighbours, whether a person typed or spoke the id.
Hyphens do not count and letters count as capitals, so "desk-01" and "DESK 01" spoken aloud check alike.
"""

from __future__ import annotations

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_M = len(_ALPHABET)


def check_character(identifier: str) -> str:
    """The character to put behind `identifier` (ASCII letters, digits, hyphens; at least one letter or digit).

    Raises ValueError for any other character.
    """
    product = _M
    for value in _values(identifier):
        product = (product + value) % _M or _M
        product = product * 2 % (_M + 1)
    return _ALPHABET[(_M + 1 - product) % _M]


def is_checked(identifier_with_check: str) -> bool:
    """Whether the last character is the check character of those before it."""
    body, last = identifier_with_check[:-1], identifier_with_check[-1:]
    try:
        return last != "" and check_character(body) == last.upper()
    except ValueError:
        return False


def _values(identifier: str) -> list[int]:
    values = []
    for character in identifier:
        if character == "-":
            continue
        value = _ALPHABET.find(character.upper()) if character.isascii() else -1
        if value < 0:
            raise ValueError(f"an id holds letters a-z, digits and hyphens, not {character!r}")
        values.append(value)
    if not values:
        raise ValueError("an id needs a letter or a digit")
    return values
