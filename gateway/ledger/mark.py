"""`ledger.mark`: a word beside the file on how far it had come, so that an older copy in its place is noticed.

Written whole at each start, at a clean stop, at a new epoch, and whenever a checked point moves: always after the
commit that it speaks of, so that it never promises more than the file holds.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec

from gateway.ledger.files import Disk
from gateway.ledger.rows import digest_at, last_seq
from gateway.ledger.schema import SCHEMA
from gateway.model.entry import Stream

log = logging.getLogger("ledger")

Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Epoch = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8,64}$(?!\n)")]


class Point(msgspec.Struct, frozen=True):
    """Newest entry of a stream: its number and digest (hex)."""

    seq: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    digest: Hex


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was on disk for certain when it was written. `end`: nothing was stored after it."""

    gateway: str
    epoch: Epoch
    streams: dict[Stream, Point]
    schema: int = SCHEMA
    end: bool = False


def read_mark(path: Path) -> Mark | None:
    """The mark, or None when there is none that can be read: it can only warn, so its loss stops nothing."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mark)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return None


def write_mark(
    path: Path,
    gateway: str,
    epoch: str,
    heads: Mapping[Stream, tuple[int, bytes]],
    disk: Disk,
    *,
    end: bool = False,
) -> None:
    """Replace the mark; `end`: at a clean stop. A card that refuses it is told in the log: the ledger itself will say
    more."""
    points = {stream: Point(seq, digest.hex()) for stream, (seq, digest) in heads.items()}
    try:
        disk.write(path, msgspec.json.encode(Mark(gateway, epoch, points, end=end)))
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error)
        if not end:
            with suppress(OSError):  # The one of the stop before would say that nothing came after it.
                disk.remove(path)


def differs(db: sqlite3.Connection, gateway: str, epoch: str, mark: Mark) -> str:
    """How this file falls short of the mark of its own epoch: empty when it does not. What retention has removed since
    cannot be compared and is no fault."""
    for stream, point in mark.streams.items():
        last = last_seq(db, stream)
        if last < point.seq:
            return f"{stream} ends at {last}, it had {point.seq}"
        try:
            digest = digest_at(db, gateway, epoch, stream, point.seq)
        except KeyError:
            continue
        if digest.hex() != point.digest:
            return f"{stream} {point.seq} is another entry than it was"
    return ""
