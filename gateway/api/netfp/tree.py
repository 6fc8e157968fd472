"""A request's JSON as it was written: numbers exact, names in any case, every fault with its path. Pure.

ErpNet.FP reads JSON with Newtonsoft.Json, and its clients rest on that: names match in any case, what is unknown or
null is passed over, a number may stand in quotes, and a word may be written as .NET names it (`DiscountPercent`, from
`System.Text.Json` clients) or as its number. Here, too; but no number ever becomes a binary floating one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from gateway.model.errors import InputRefused

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_NUMBER = re.compile(r"[-+]?[0-9]{1,24}(?:\.[0-9]{1,40})?")
_WHOLE_DIGITS = 16
"""Of a number before its point. A larger one is a mistake, and arithmetic on it may be endless."""
_DIGITS = 64

T = TypeVar("T")


SYNTAX = "E401"
OUT_OF_RANGE = "E403"


class Malformed(InputRefused):
    """No request at all: answered with status 400, as ErpNet.FP's framework does."""

    def __init__(self, what: str, advice: str, *, where: str = "", code: str = SYNTAX) -> None:
        super().__init__(what, advice, where=where, code=code)


def parse(body: bytes) -> Any:
    """The body's value: numbers as `int` or `Decimal`. Raises `Malformed`."""
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise Malformed(f"this is not JSON: {error}", "Send one JSON object in UTF-8") from error


class Fields:
    """One object of a request. Every reader takes a field's name as the documents write it, and raises `Malformed` for
    a value that is of another kind; `null` is as if it were absent. `unread` says what nobody asked for."""

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            raise Malformed("an object is expected", "Compare with docs/netfp.md", where=path or "the body")
        self._path = path
        self._values: dict[str, tuple[str, Any]] = {}
        self._read: set[str] = set()
        for name, one in value.items():
            if name.lower() in self._values:
                raise Malformed("it is given twice", "Give it once", where=self.at(name))
            self._values[name.lower()] = (name, one)

    def at(self, name: str) -> str:
        """The path of a field, for whoever has to find it."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        return self._get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A text; a number is taken as it was written (receipt numbers come so)."""
        value = self._get(name)
        if value is None:
            return default
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def decimal(self, name: str) -> Decimal:
        """A number, exact; 0 when absent, as ErpNet.FP has it."""
        value = self._get(name)
        if value is None:
            return Decimal(0)
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is not None:
            value = Decimal(value.strip())
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self._wrong(name, "a number")
        if isinstance(value, Decimal):
            if not value.is_finite() or len(value.as_tuple().digits) > _DIGITS or abs(value.adjusted()) > _DIGITS:
                raise self._too_large(name)
        elif abs(value) >= 10**_WHOLE_DIGITS:
            raise self._too_large(name)
        number = Decimal(value)
        if number.adjusted() >= _WHOLE_DIGITS:
            raise self._too_large(name)
        return number

    def whole(self, name: str, words: Mapping[str, int] = MappingProxyType({})) -> int:
        """A whole number, or one of `words` for it; 0 when absent."""
        given = self._get(name)
        if isinstance(given, str) and given.lower() in words:
            return words[given.lower()]
        number = self.decimal(name)
        if number != number.to_integral_value():
            raise self._wrong(name, "a whole number")
        return int(number)

    def word(self, name: str, words: Mapping[str, T], default: T) -> T:
        """One of a closed list: as documented, as .NET names it, in any case."""
        value = self._get(name)
        if value is None:
            return default
        by_name = {_plain(word): meant for word, meant in words.items()}
        known = _plain(str(value)) if isinstance(value, str | int) else ""
        if known not in by_name:
            raise self._wrong(name, f"one of {', '.join(words)}")
        return by_name[known]

    def objects(self, name: str) -> list[Fields]:
        """A list of objects; empty when absent."""
        value = self._get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return [Fields(one, f"{self.at(name)}[{index}]") for index, one in enumerate(value)]

    def unread(self) -> list[str]:
        """Paths of fields that nobody has asked for."""
        return [self.at(given) for name, (given, _) in self._values.items() if name not in self._read]

    def _get(self, name: str) -> Any:
        self._read.add(name.lower())
        return self._values.get(name.lower(), (name, None))[1]

    def _wrong(self, name: str, expected: str) -> Malformed:
        return Malformed(f"{expected} is expected", "Compare with docs/netfp.md", where=self.at(name))

    def _too_large(self, name: str) -> Malformed:
        return Malformed("this number is out of all bounds", "Correct it", where=self.at(name), code=OUT_OF_RANGE)


def _plain(word: str) -> str:
    return word.replace("-", "").lower()
