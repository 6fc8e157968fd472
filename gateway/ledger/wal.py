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


class Frame(msgspec.Struct, frozen=True):
    """One page image. `commit`: it ends a transaction. `current`: of this generation of the log."""

    page: int
    commit: bool
    current: bool
    image: bytes


def frames(path: Path, page_size: int) -> Iterator[Frame]:
    """Every page image in the file, whether its checksum fits or not. Nothing when there is no log."""
    raw = _read(path)
    if len(raw) < _HEADER.size:
        return
    salts = _HEADER.unpack_from(raw)[4:6]
    for at in range(_HEADER.size, len(raw) - _FRAME.size - page_size + 1, _FRAME.size + page_size):
        page, size, *rest = _FRAME.unpack_from(raw, at)
        start = at + _FRAME.size
        yield Frame(page, size != 0, tuple(rest[:2]) == salts, raw[start : start + page_size])


def is_rotten(path: Path) -> bool:
    """Whether commits were synchronised after a frame that does not fit: damage, not a transaction that a cut broke
    off.

    A transaction is written only when the one before it is on the card. So what a cut can leave behind the first bad
    frame is at most one commit.
    """
    raw = _read(path)
    if len(raw) < _HEADER.size + _FRAME.size:
        return False
    magic, _version, page_size, _sequence, *salts = _HEADER.unpack_from(raw)[:6]
    sums = _HEADER.unpack_from(raw)[6:8]
    order = ">" if magic == _MAGIC[1] else "<"
    good = magic in _MAGIC and _checksum(raw[:24], order, 0, 0) == sums
    if not good:
        # Which generation was the last cannot be told: any two commits with the same salts were synchronised.
        page_size = page_size if page_size in (1 << bit for bit in range(9, 17)) else 4096
        salts = list(_FRAME.unpack_from(raw, _HEADER.size)[2:4])
    step = _FRAME.size + page_size
    commits = 0
    for at in range(_HEADER.size, len(raw) - step + 1, step):
        _page, size, salt_1, salt_2, sum_1, sum_2 = _FRAME.unpack_from(raw, at)
        if good and [salt_1, salt_2] == salts:
            sums = _checksum(raw[at : at + 8], order, *sums)
            sums = _checksum(raw[at + _FRAME.size : at + step], order, *sums)
            if sums == (sum_1, sum_2):
                continue
        good = False
        commits += size != 0 and [salt_1, salt_2] == salts
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
