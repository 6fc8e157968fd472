"""SQLite's write-ahead log, read without SQLite (https://www.sqlite.org/fileformat2.html#walformat).

SQLite takes a frame whose checksum does not fit for the end of the log, without a word: one rotten bit in the middle
would silently take every commit after it. Here the two are told apart.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC = (0x377F0682, 0x377F0683)
_MASK = 0xFFFFFFFF
SIZES = (1024, 4096, 512, 2048, 8192, 16384, 32768, 65536)
"""Every page size that a file can have; those of this program's files first."""


class Frame(msgspec.Struct, frozen=True):
    """One page image. `commit`: it ends a transaction. `current`: of this generation of the log."""

    page: int
    commit: bool
    current: bool
    image: bytes


class _Head(msgspec.Struct, frozen=True):
    """What the header of a log says; where it is rotten itself, what its frames say: then it is not `good`."""

    page_size: int
    salts: tuple[int, int]
    sums: tuple[int, int]
    order: str
    good: bool


def page_size_of(path: Path) -> int:
    """Size of the pages in a log that has any, else 0."""
    head = _head(_read(path))
    return 0 if head is None else head.page_size


def frames(path: Path, page_size: int) -> Iterator[Frame]:
    """Every page image in the file, whether its checksum fits or not: also what an earlier generation of the log left
    behind its end. Zeros are none. Nothing when there is no log."""
    raw = _read(path)
    head = _head(raw, page_size)
    if head is None:
        return
    for at in range(_HEADER.size, len(raw) - _FRAME.size - page_size + 1, _FRAME.size + page_size):
        page, size, *rest = _FRAME.unpack_from(raw, at)
        start = at + _FRAME.size
        if page:
            yield Frame(page, size != 0, tuple(rest[:2]) == head.salts, raw[start : start + page_size])


def _head(raw: bytes, page_size: int = 0) -> _Head | None:
    """None: there is no frame. `page_size` where it is known from elsewhere."""
    if len(raw) < _HEADER.size + _FRAME.size:
        return None
    magic, _version, size, _sequence, salt_1, salt_2, *sums = _HEADER.unpack_from(raw)
    order = ">" if magic == _MAGIC[1] else "<"
    if magic in _MAGIC and size in SIZES and _checksum(raw[:24], order, 0, 0) == tuple(sums):
        return _Head(size, (salt_1, salt_2), (sums[0], sums[1]), order, good=True)
    # Which generation was the last cannot be told; but the first frame is always of it.
    page, _size, *first = _FRAME.unpack_from(raw, _HEADER.size)[:4]
    if not page:
        return None
    size = page_size or max(SIZES, key=lambda each: _followers(raw, each))
    return _Head(size, (first[0], first[1]), (0, 0), order, good=False)


def _followers(raw: bytes, page_size: int) -> int:
    """How many frames after the first one bear the first one's salts, were the pages of this size."""
    step, count = _FRAME.size + page_size, 0
    salts = raw[_HEADER.size + 8 : _HEADER.size + 16]
    for at in range(_HEADER.size + step, len(raw) - step + 1, step):
        if raw[at + 8 : at + 16] != salts:
            break
        count += 1
    return count


def is_rotten(path: Path) -> bool:
    """Whether commits were synchronised after a frame that does not fit: damage, not a transaction that a cut broke
    off.

    A transaction is written only when the one before it is on the card. So what a cut can leave behind the first bad
    frame is at most one commit.
    """
    raw = _read(path)
    head = _head(raw)
    if head is None:
        return False
    good, sums, order = head.good, head.sums, head.order
    step = _FRAME.size + head.page_size
    commits = 0
    for at in range(_HEADER.size, len(raw) - step + 1, step):
        _page, size, salt_1, salt_2, sum_1, sum_2 = _FRAME.unpack_from(raw, at)
        ours = (salt_1, salt_2) == head.salts
        if good and ours:
            sums = _checksum(raw[at : at + 8], order, *sums)
            sums = _checksum(raw[at + _FRAME.size : at + step], order, *sums)
            if sums == (sum_1, sum_2):
                continue
        good = False
        commits += size != 0 and ours
    return commits >= 2


def _checksum(data: bytes, order: str, first: int, second: int) -> tuple[int, int]:
    numbers = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(numbers[::2], numbers[1::2], strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
