"""Rows out of a damaged SQLite file, page by page, without its index pages and without SQLite.

Every page that looks like a leaf of a table is read, wherever it stands, and every row on it that has the shape of an
entry. Whether a row is true is not decided here: its digest says that. File format:
https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.ledger.files import log_of
from gateway.ledger.schema import PAGE_BYTES
from gateway.ledger.wal import SIZES, frames, page_size_of

LEAF = 0x0D
MAX_PAYLOAD = 64 * 1024 * 1024
"""No entry is longer: a damaged length must not make us look for the end of the world."""

MAX_GUESS = 16 * 1024 * 1024
"""So much of a file is looked at to guess its page size."""

Value = int | str | bytes | None


class Row(msgspec.Struct, frozen=True):
    """What stood in a row of a stream table, of whichever stream. `salt` and `body` are None where they were erased or
    could not be read; then `whole` says which."""

    seq: int
    kind: str
    wall_ms: int
    mono_ns: int
    boot: str
    quality: str
    digest: bytes
    salt: bytes | None
    body: bytes | None
    commitment: bytes | None
    whole: bool = True


class Pages:
    """A file's pages, and those of its log. Sectors that the card does not give are zeros. Use as a context."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._overlay: dict[int, bytes] = {}
        self._committed: dict[int, bytes] = {}
        self._stale: dict[int, bytes] = {}
        self._log: list[tuple[int, bytes]] = []

    def __enter__(self) -> Pages:
        # Also of a file that is gone the log may still be there.
        self._file = os.open(self._path if self._path.exists() else os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.page_size, self.reserved = self._geometry()
        length = os.fstat(self._file).st_size
        self.count, self._torn = -(-length // self.page_size), length % self.page_size != 0
        begun: dict[int, bytes] = {}
        for frame in frames(log_of(self._path), self.page_size):
            self._log.append((frame.page, frame.image))
            (self._overlay if frame.current else self._stale)[frame.page] = frame.image
            if frame.current:
                begun[frame.page] = frame.image
                if frame.commit:
                    self._committed.update(begun)
                    begun.clear()
        self.last = max([self.count, *self._committed])
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def images(self) -> Iterator[tuple[int, bytes]]:
        """Every page image with its number: the file's, then those of its log in their order."""
        for number in range(1, self.count + 1):
            yield number, self._base(number)
        yield from self._log

    def _base(self, number: int) -> bytes:
        return self._read((number - 1) * self.page_size, self.page_size)

    def _image(self, number: int, *, overlaid: bool) -> bytes | None:
        """A page as the log has it, or as the file; where that has lost its end, whatever the log still has of it."""
        if overlaid and number in self._overlay:
            return self._overlay[number]
        if number < self.count or (number == self.count and not self._torn):
            return self._base(number)
        return self._overlay.get(number, self._stale.get(number))

    def _geometry(self) -> tuple[int, int]:
        """Page size and reserved bytes: as the header says, or the log, or what the pages look like."""
        raw = self._read(0, 100)
        size = int.from_bytes(raw[16:18], "big")
        size = 65536 if size == 1 else size
        # The format's own marks say whether these bytes are to be believed (maximum and minimum payload fractions).
        if raw[21:24] == b"\x40\x20\x20" and size in SIZES:
            return size, raw[20]
        return page_size_of(log_of(self._path)) or self._likely_size(), 0

    def _likely_size(self) -> int:
        """The page size with which most pages are in order. Half of them are with twice the size, none with half."""
        length = os.fstat(self._file).st_size
        found = dict.fromkeys(sorted(SIZES, key=lambda size: size != PAGE_BYTES), 0)
        for at in range(0, min(length, MAX_GUESS), min(SIZES)):
            if self._read(at, 1)[0] != LEAF:
                continue
            image = self._read(at, max(SIZES))
            for size in found:
                found[size] += at % size == 0 and _is_leaf(image[:size])
        return max(found, key=lambda size: found[size])

    def _read(self, at: int, size: int) -> bytes:
        try:
            found = os.pread(self._file, size, at)
        except OSError:
            found = b""
        return found.ljust(size, b"\0")

    def rows(self) -> Iterator[Row]:
        """Every row that could be an entry, possibly the same one several times."""
        for number, image in self.images():
            for seq, length, payloads in self._leaf(image, number):
                best: Row | None = None
                for payload in payloads:
                    row = _row(seq, payload, length)
                    if row is not None and (best is None or row.whole):
                        best = row
                        if row.whole and row.salt is not None:
                            break
                if best is not None:
                    yield best

    def tables(self) -> Iterator[tuple[str, int, str]]:
        """Every row that could be of the file's own list of tables: name, root page and words of its making. Where the
        first page is gone most of that list still stands elsewhere."""
        for number, image in self.images():
            for _, length, payloads in self._leaf(image, number):
                for values, whole in (_record(payload, length, 5) or ([], False) for payload in payloads):
                    if not whole or values[0] != "table":
                        continue
                    _, name, _, root, sql = values
                    if (
                        isinstance(name, str)
                        and isinstance(root, int)
                        and isinstance(sql, str)
                        and 1 < root <= self.last
                    ):
                        yield name, root, sql

    def page(self, number: int) -> bytes | None:
        """A page as the last commit left it, 1 to `last`; None for a leaf full of entries, of which no other table's
        rows need anything."""
        image = self._committed.get(number) or self._base(number)
        entries = (_row(seq, payload, n) for seq, n, payloads in self._leaf(image, number) for payload in payloads)
        return None if next(entries, None) is not None else image

    def _leaf(self, image: bytes, number: int) -> Iterator[tuple[int, int, Iterator[bytes]]]:
        """The rows of a leaf: number, length in bytes, and what may be its content, the newest first."""
        start = 100 if number == 1 else 0
        if image[start] != LEAF:
            return
        count = int.from_bytes(image[start + 3 : start + 5], "big")
        end = start + 8
        for pointer in range(min(count, (len(image) - end) // 2)):
            (at,) = struct.unpack_from(">H", image, end + 2 * pointer)
            try:
                length, at = _varint(image, at) if at >= end else (0, at)
                seq, at = _varint(image, at)
            except IndexError:
                continue
            if 0 < length <= MAX_PAYLOAD and seq > 0:
                yield seq, length, self._payloads(image, at, length)

    def _payloads(self, image: bytes, at: int, length: int) -> Iterator[bytes]:
        usable = self.page_size - self.reserved
        if length <= usable - 35:
            yield image[at : at + length]
            return
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= usable - 35 else least
        here = image[at : at + local]
        (overflow,) = struct.unpack(">I", image[at + local : at + local + 4].rjust(4, b"\0"))
        for overlaid in (True, False):
            yield here + self._chain(overflow, length - local, usable, overlaid=overlaid)

    def _chain(self, page: int, length: int, usable: int, *, overlaid: bool) -> bytes:
        parts: list[bytes] = []
        while length > 0 and page:
            image = self._image(page, overlaid=overlaid)
            if image is None:
                break
            (page,) = struct.unpack_from(">I", image)
            parts.append(image[4 : 4 + min(length, usable - 4)])
            length -= usable - 4
        return b"".join(parts)


def _record(payload: bytes, length: int, columns: int) -> tuple[list[Value], bool] | None:
    """The values of a record with so many columns, and whether all of it is there
    (https://www.sqlite.org/fileformat2.html#record_format)."""
    try:
        header, at = _varint(payload, 0)
        types: list[int] = []
        while at < header and len(types) <= columns:
            kind, at = _varint(payload, at)
            types.append(kind)
    except IndexError:
        return None
    if len(types) != columns or at != header:
        return None
    values: list[Value] = []
    whole = len(payload) == length
    for kind in types:
        size = _size(kind)
        raw = payload[at : at + size]
        if size < 0:
            return None
        if len(raw) < size:
            values.append(None)
            whole = False
        else:
            values.append(_value(kind, raw))
        at += size
    return values, whole


def _row(seq: int, payload: bytes, length: int) -> Row | None:
    """A record with the columns of a stream table."""
    found = _record(payload, length, 10)
    if found is None or found[0][0] is not None:
        return None
    values, whole = found
    _, kind_text, wall_ms, mono_ns, boot, quality, digest, salt, body, commitment = values
    if not (isinstance(kind_text, str) and isinstance(wall_ms, int) and isinstance(mono_ns, int)):
        return None
    if not (isinstance(boot, str) and isinstance(quality, str) and isinstance(digest, bytes) and len(digest) == 32):
        return None
    if any(value is not None and not isinstance(value, bytes) for value in (salt, body, commitment)):
        return None
    return Row(
        seq, kind_text, wall_ms, mono_ns, boot, quality, digest, _blob(salt), _blob(body), _blob(commitment), whole
    )


def _blob(value: Value) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _size(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    return (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, -1, -1)[kind]


def _value(kind: int, raw: bytes) -> Value:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind < 7:
        return int.from_bytes(raw, "big", signed=True)
    if kind >= 12 and kind % 2 == 0:
        return raw
    return raw.decode("utf-8", errors="replace") if kind >= 13 else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for step in range(8):
        byte = data[at + step]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    return value << 8 | data[at + 8], at + 9


def _is_leaf(image: bytes) -> bool:
    """Whether this is a whole leaf with rows on it: all of them behind the list of where they are."""
    free, count, content = struct.unpack_from(">HHH", image, 1)
    if not count or free >= len(image) or 8 + 2 * count > content or content >= len(image):
        return False
    return all(content <= at < len(image) for at in struct.unpack_from(f">{count}H", image, 8))
