"""CBOR (RFC 8949): all that is well formed is read, and what passes are made of is written. Pure.

Our own, because that is a page, and a library for all of CBOR takes 1 MB of a gateway's memory and makes dates, numbers
and patterns of what a stranger's code says. tests/wire/test_cbor.py holds it against such a library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gateway.model.errors import InputRefused

MAX_DEPTH = 16
"""Items in items; a countersigned pass has seven."""
_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = range(8)
"""Major types (RFC 8949, 3.1)."""
_INDEFINITE = 31
_BREAK = b"\xff"
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE_BYTE = 24
_FALSE, _TRUE, _NULL = 20, 21, 22
_SIMPLE = {_FALSE: False, _TRUE: True, _NULL: None}


class Tag(NamedTuple):
    """A tagged item (3.4). What a tag means is for who asked."""

    number: int
    value: object


class Simple(NamedTuple):
    """A simple value (3.3) other than false, true and null."""

    number: int


def loads(data: bytes) -> object:
    """One item and nothing after it: int, float, bytes, str, bool, None, list, dict, `Tag`, `Simple`.

    Raises `InputRefused`, nothing else; also for a key that comes twice, and for one that is no number or text.
    """
    reader = _Reader(data)
    item = reader.item(0)
    if reader.at != len(data):
        raise InputRefused("something follows the CBOR item")
    return item


def dumps(item: object) -> bytes:
    """An item in the shortest form, maps in the order that is given. Raises `TypeError` for what passes have not."""
    match item:
        case bool():
            return bytes((_OTHER << 5 | (_TRUE if item else _FALSE),))
        case int():
            return _head(_UINT, item) if item >= 0 else _head(_NINT, -1 - item)
        case bytes():
            return _head(_BYTES, len(item)) + item
        case str():
            raw = item.encode()
            return _head(_TEXT, len(raw)) + raw
        case Tag():
            return _head(_TAG, item.number) + dumps(item.value)
        case list() | tuple():
            return _head(_ARRAY, len(item)) + b"".join(map(dumps, item))
        case Mapping():
            return _head(_MAP, len(item)) + b"".join(dumps(key) + dumps(value) for key, value in item.items())
    raise TypeError(f"{type(item).__name__} is in no pass")


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes((major << 5 | number,))
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes((major << 5 | info,)) + number.to_bytes(size, "big")
    raise TypeError("a whole number in a pass has 64 bits at most")


class _Reader:
    """Goes through the bytes once."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def item(self, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise InputRefused("not CBOR: too deep")
        major, info = divmod(self._take(1)[0], 32)
        if major == _OTHER:
            return self._other(info)
        if info == _INDEFINITE:
            return self._indefinite(major, depth)
        number = self._number(info)
        match major:
            case 0:
                return number
            case 1:
                return -1 - number
            case 2:
                return self._take(number)
            case 3:
                return _text(self._take(number))
            case 4:
                return [self.item(depth + 1) for _ in range(number)]
            case 5:
                return self._map(range(number), depth)
            case _:
                return Tag(number, self.item(depth + 1))

    def _take(self, size: int) -> bytes:
        taken = self._data[self.at : self.at + size]
        if len(taken) != size:
            raise InputRefused("not CBOR: it ends too early")
        self.at += size
        return taken

    def _number(self, info: int) -> int:
        """The argument of a head (3)."""
        if info < 24:
            return info
        if info > 27:
            raise InputRefused("not CBOR: a reserved length")
        return int.from_bytes(self._take(1 << info - 24), "big")

    def _map(self, rounds: Iterable[object], depth: int) -> dict[int | bytes | str, object]:
        found: dict[int | bytes | str, object] = {}
        for _ in rounds:
            key = self.item(depth + 1)
            # `True` would be taken for the claim 1.
            if isinstance(key, bool) or not isinstance(key, int | bytes | str):
                raise InputRefused("a key in its CBOR is no number or text")
            if key in found:
                raise InputRefused("a key in its CBOR comes twice")
            found[key] = self.item(depth + 1)
        return found

    def _indefinite(self, major: int, depth: int) -> object:
        """What ends with a break (3.2)."""
        match major:
            case 2:
                return b"".join(self._chunk(major) for _ in self._until_break())
            case 3:
                return "".join(_text(self._chunk(major)) for _ in self._until_break())
            case 4:
                return [self.item(depth + 1) for _ in self._until_break()]
            case 5:
                return self._map(self._until_break(), depth)
        raise InputRefused("not CBOR: a reserved length")

    def _until_break(self) -> Iterator[None]:
        while self._data[self.at : self.at + 1] != _BREAK:
            yield
        self.at += 1

    def _chunk(self, major: int) -> bytes:
        """A part of a string, of the same type and with a length of its own (3.2.3)."""
        head = self._take(1)[0]
        if head >> 5 != major:
            raise InputRefused("not CBOR: a string of other parts")
        return self._take(self._number(head & 31))

    def _other(self, info: int) -> object:
        """Floats and simple values (3.3)."""
        if info in _FLOATS:
            found: float = struct.unpack(_FLOATS[info], self._take(1 << info - 24))[0]
            return found
        number = self._number(info)
        if info == _SIMPLE_BYTE and number < 32:
            raise InputRefused("not CBOR: a reserved value")
        return _SIMPLE[number] if number in _SIMPLE else Simple(number)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InputRefused("not CBOR: a text that is not UTF-8") from error
