"""What else bears witness of a damaged file: its own tables as far as they can be read, the mark, copies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.ledger.files import Names, log_of
from gateway.ledger.mark import Mark
from gateway.ledger.peek import UNREADABLE, answers, meta_of, reading
from gateway.ledger.rows import entries_after, is_as_stored
from gateway.ledger.salvage import Known
from gateway.ledger.wal import is_rotten
from gateway.model import chain
from gateway.model.bodies import EpochBeganBody, EpochReason
from gateway.model.entry import EntryKind, Stream

MOST_ENTRIES = 100_000_000
"""No stream of one epoch grows longer: that is one entry a second for three years."""
_EPOCH = re.compile(rb"epoch([0-9a-f]{16})")


def known_of(
    stream: Stream,
    epoch: str,
    files: Sequence[Path],
    mark: Mark | None,
    *,
    sure: bool,
    ended: Mapping[Stream, int] | None = None,
) -> Known:
    """What the files, the present one first, and the mark where it speaks of this epoch, know of a stream. `sure`: the
    files are sound. `ended`: where the epoch ended, as another file proves."""
    digests: dict[int, bytes] = {}
    acked = last = floor = 0
    whole = False
    for number, path in enumerate(files):
        with reading(path) as db:
            if db is None:
                continue
            # A table whose every page is there ends where it ends, whatever else of the file is damaged.
            if number == 0 and not is_rotten(log_of(path)):
                whole = answers(db, f"PRAGMA integrity_check('{stream}')") == [("ok",)]
            columns = {row[1] for row in answers(db, "PRAGMA table_info(stream)")}
            wanted = "acked, checked, checked_digest" + (", floor, floor_digest" if "floor" in columns else "")
            for watermark, checked, digest, *more in answers(db, f"SELECT {wanted} FROM stream WHERE name=?", stream):
                acked, last = max(acked, watermark), max(last, checked)
                digests[checked] = digest
                if more and more[0]:
                    floor = max(floor, more[0])
                    digests[more[0]] = more[1]
            for (seq,) in answers(db, f"SELECT max(seq) FROM {stream.value}"):
                last = max(last, seq or 0)
            # It was salvaged before: what follows a range that was lost then follows this digest.
            for seq, digest in answers(db, "SELECT last, digest FROM gap WHERE stream=?", stream):
                last = max(last, seq)
                if digest is not None:
                    digests.setdefault(seq, digest)
    if last > MOST_ENTRIES and not sure:
        last = 0  # A number beyond all measure is the damage itself.
    if mark is not None and mark.epoch == epoch and stream in mark.streams:
        point = mark.streams[stream]
        digests[point.seq] = bytes.fromhex(point.digest)
        last = max(last, point.seq)
        whole |= mark.end
    if ended is not None and stream in ended:
        last, whole = ended[stream], True  # A greater number in the file is the damage itself.
    digests = {seq: digest for seq, digest in digests.items() if isinstance(digest, bytes)}
    return Known(acked if acked <= last else 0, last, floor, digests, sure, open=not sure and not whole)


def ended_at(gateway: str, epoch: str, files: Iterable[Path]) -> dict[Stream, int]:
    """Where an epoch ended, as the first entry of the one after it says: the greatest number, where a backup of it was
    restored later. Nothing where none of the files has such an entry, or what it has is not the one that was stored."""
    ends: dict[Stream, int] = {}
    for path in files:
        own = meta_of(path).get("epoch", "")
        with reading(path) as db:
            if db is None or not own:
                continue
            with suppress(*UNREADABLE, ValueError, TypeError, msgspec.DecodeError):
                previous = chain.genesis(gateway, own, Stream.AUDIT)
                for entry in entries_after(db, gateway, own, Stream.AUDIT, 0, previous, 1):
                    if entry.header.kind is not EntryKind.EPOCH_BEGAN or not is_as_stored(entry):
                        continue
                    began = msgspec.json.decode(entry.body or b"", type=EpochBeganBody)
                    # Of a file that was gone it knew only what the mark did: perhaps not the end.
                    if began.previous == epoch and began.reason is not EpochReason.MISSING:
                        told = {Stream(name): seq for name, seq in began.last.items()}
                        ends |= {stream: max(seq, ends.get(stream, 0)) for stream, seq in told.items()}
    return ends


def epoch_of(names: Names, mark: Mark | None) -> str:
    """Which epoch the file has: as it says, as the mark says, or as can be read somewhere in it."""
    meta = meta_of(names.present)
    known = [meta["epoch"]] if re.fullmatch(r"[0-9a-f]{8,64}", meta.get("epoch", "")) else []
    if mark is not None and (not known or not _is_ours(mark, known[0])):
        known.insert(0, mark.epoch)
    for path in (names.present, log_of(names.present)):
        if not known and path.exists():
            known = [found_.decode() for found_ in _EPOCH.findall(path.read_bytes())]
    return known[0] if known else "0" * 16


def _is_ours(mark: Mark | None, epoch: str) -> bool:
    """Whether the mark speaks of this epoch, or of another that really is another: a damaged id is neither."""
    if mark is None or mark.epoch == epoch:
        return True
    close = sum(a != b for a, b in zip(mark.epoch, epoch, strict=False)) <= 2
    return not close
