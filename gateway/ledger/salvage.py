"""What can still be proved of a damaged file's entries, as a clean file of the same epoch.

A row proves itself when its digest is that of its header, its commitment and the digest before it. Right after a gap
the digest before is lost; then the row after it proves the link: whoever follows a digest vouches for it, not for
what it was made of. Such a row is not put in the file; it is told as an entry of its own (`salvaged`), so that
nothing legible is lost.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import msgspec

from gateway.ledger.pages import Row
from gateway.model import chain
from gateway.model.bodies import BundleBody, DroppedBody, SalvagedBody
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryId, EntryKind, Header, Stream
from gateway.model.till_bodies import ReceiptBody, RefundBody

MOST_LOOSE = 1000
"""Rows without proof that are told one by one; of more than that the file set aside tells the rest."""

_STREAM_OF = {
    **dict.fromkeys(
        ("receipt", "admission", "opened", "passed", "void", "refund", "fiscal_work", "fiscal_step", "fiscal_outcome"),
        Stream.RECEIPT,
    ),
    **dict.fromkeys(("identification", "refusal", "flood"), Stream.IDENTIFICATION),
    "health": Stream.TELEMETRY,
}
"""Where a kind is at home; only a first guess, the digest decides."""


class Known(msgspec.Struct, frozen=True):
    """What else is known of a stream: through where it is settled, where it must have ended, what retention removed,
    and digests of some of its entries. `sure`: it comes from a sound file. Otherwise everything is sent again: a
    watermark has no digest that proves it, and the centre knows what it has. `open`: there may have been more after all
    that is known."""

    acked: int = 0
    last: int = 0
    floor: int = 0
    digests: dict[int, bytes] = {}
    sure: bool = False
    open: bool = False


class Salvaged(msgspec.Struct):
    """What came of it. `gaps` are those beyond the ack, `behind` counts lost entries that the centre has. The streams
    `open` may have had more entries after their last."""

    entries: int = 0
    last: dict[Stream, int] = {}
    gaps: list[tuple[Stream, int, int]] = []
    behind: int = 0
    loose: list[SalvagedBody] = []
    quotes: list[str] = []
    bundles: list[BundleBody] = []
    refunds: list[RefundBody] = []
    open: set[Stream] = set()

    def dropped(self, epoch: str, why: str) -> list[DroppedBody]:
        """The lost ranges as they go on record. Where the end is open the last one says so, or one of nothing that is
        known to be lost."""
        told = [DroppedBody(stream=s, first=a, last=b, why=why, epoch=epoch, alarm=True) for s, a, b in self.gaps]
        for stream in sorted(self.open):
            last = self.last[stream]
            first = next((a for s, a, b in self.gaps if s is stream and b == last), last + 1)
            told = [one for one in told if (one.stream, one.first) != (stream, first)]
            told.append(DroppedBody(stream=stream, first=first, last=last, why=why, epoch=epoch, alarm=True, open=True))
        return told

    def words(self, epoch: str) -> list[str]:
        """The same for a person, and what could be read and not proved."""
        told = [f"lost: {stream} {first} to {last} of {epoch}" for stream, first, last in self.gaps]
        if self.open:
            told.append(f"more may be missing: of {', '.join(sorted(self.open))}")
        if self.loose:
            told.append(f"{len(self.loose)} entries could be read but not proved: they are recorded as `salvaged`")
        return told


def prove(found: sqlite3.Connection, gateway: str, epoch: str, known: Mapping[Stream, Known]) -> Iterator[Proved]:
    """Rows that prove themselves, stream by stream in ascending order; `Loose` ones that do not."""
    streams = {stream: _Chain(gateway, epoch, stream, known[stream]) for stream in Stream}
    before: list[Row] = []
    rows = (Row(*row) for row in found.execute("SELECT * FROM found ORDER BY seq, rowid"))
    for seq, group in groupby(rows, key=lambda row: row.seq):
        here = list(group)
        if before and before[0].seq != seq - 1:
            before = []
        loose = [row for row in here if not any(chain_.take(row, before) for chain_ in _likely(row, streams))]
        for chain_ in streams.values():
            yield from chain_.settled(seq)
        yield from (Proved(_STREAM_OF.get(row.kind, Stream.AUDIT), row, b"", proved=False) for row in loose)
        before = here
    for chain_ in streams.values():
        yield from chain_.settled(None)


class Proved(msgspec.Struct, frozen=True):
    """A row and its place. `previous` is the digest that it follows."""

    stream: Stream
    row: Row
    previous: bytes
    proved: bool = True


class _Chain:
    """One stream while its rows are proved."""

    def __init__(self, gateway: str, epoch: str, stream: Stream, known: Known) -> None:
        self._gateway = gateway
        self._epoch = epoch
        self._stream = stream
        self._known = known
        self._digests: dict[int, set[bytes]] = {0: {chain.genesis(gateway, epoch, stream)}}
        for seq, digest in known.digests.items():
            self._digests.setdefault(seq, set()).add(digest)
        self._waiting: dict[int, list[Proved]] = {}

    def take(self, row: Row, before: Sequence[Row]) -> bool:
        """Whether the row is this stream's: it follows what is proved, or at least something that was read."""
        known = self._digests.get(row.seq - 1, set())
        for previous in (*known, *(other.digest for other in before if other.digest not in known)):
            if self._follows(row, previous):
                self._digests.setdefault(row.seq, set()).add(row.digest)
                self._waiting.setdefault(row.seq, []).append(Proved(self._stream, row, previous))
                return True
        return False

    def settled(self, seq: int | None) -> Iterator[Proved]:
        """What is decided once all rows of `seq` were looked at: of two rows with one number the one that is
        followed."""
        for number in sorted(self._waiting):
            if seq is not None and number >= seq:
                return
            rows = self._waiting.pop(number)
            followed = {after.previous for after in self._waiting.get(number + 1, ())}
            best = [one for one in rows if one.row.digest in followed] or rows
            erased = [one for one in best if one.row.salt is None]
            yield (erased or best)[-1]
            self._digests.pop(number - 2, None)

    def _follows(self, row: Row, previous: bytes) -> bool:
        committed = row.commitment
        if committed is None:
            if row.salt is None or row.body is None:
                return False
            committed = chain.commitment(row.salt, row.body)
        try:
            at = Stamp(row.wall_ms, row.mono_ns, row.boot, ClockQuality(row.quality))
            header = Header(EntryId(self._gateway, self._epoch, self._stream, row.seq), EntryKind(row.kind), at)
        except ValueError:
            return False
        return chain.digest(previous, header, committed) == row.digest


def write(
    db: sqlite3.Connection, found: sqlite3.Connection, gateway: str, epoch: str, known: Mapping[Stream, Known]
) -> Salvaged:
    """Put what proves itself into a clean file (on its open transaction), with its gaps; returns what came of it."""
    result = Salvaged(last=dict.fromkeys(Stream, 0))
    ends = dict.fromkeys(Stream, 0)
    floors = dict.fromkeys(Stream, 0)
    loose: list[Proved] = []
    for one in prove(found, gateway, epoch, known):
        stream, row = one.stream, one.row
        if not one.proved:
            if row.seq > known[stream].acked and len(loose) < MOST_LOOSE:
                loose.append(one)
            continue
        floor = known[stream].floor
        if 0 < floor == row.seq - 1 and ends[stream] == 0 and known[stream].digests.get(floor) == one.previous:
            ends[stream] = floors[stream] = floor
            db.execute("UPDATE stream SET floor=?, floor_digest=? WHERE name=?", (floor, one.previous, stream))
        elif row.seq != ends[stream] + 1:
            _gap(db, result, known[stream], stream, ends[stream] + 1, row.seq - 1, one.previous)
        ends[stream] = row.seq
        _insert(db, stream, row)
        result.entries += 1
        _learn(result, row)
    for stream in Stream:
        # Where the end is known, an unproved row behind it has a number that is rotten itself.
        beyond = (one.row.seq for one in loose if one.stream is stream and known[stream].open)
        last = max([known[stream].last, *beyond])
        if last > ends[stream]:
            _gap(db, result, known[stream], stream, ends[stream] + 1, last, None)
        result.last[stream] = max(last, ends[stream])
        if known[stream].open:
            result.open.add(stream)
        # Below a floor there is nothing to send, whatever the watermark is worth.
        acked = min(known[stream].acked, result.last[stream] if known[stream].sure else floors[stream])
        digest = db.execute(f"SELECT digest FROM {stream.value} WHERE seq=?", (ends[stream],)).fetchone()
        if digest is not None:
            db.execute("UPDATE stream SET checked=?, checked_digest=? WHERE name=?", (ends[stream], digest[0], stream))
        db.execute("UPDATE stream SET acked=? WHERE name=?", (acked, stream))
    seen: set[tuple[Stream, int, bytes]] = set()
    for one in loose:
        place = (one.stream, one.row.seq, one.row.digest)
        known_here = db.execute(f"SELECT 1 FROM {one.stream.value} WHERE seq=?", (one.row.seq,)).fetchone()
        if known_here is None and place not in seen:
            seen.add(place)
            result.loose.append(_loose(epoch, one))
    return result


def _gap(
    db: sqlite3.Connection, result: Salvaged, known: Known, stream: Stream, first: int, last: int, digest: bytes | None
) -> None:
    db.execute("INSERT INTO gap VALUES (?,?,?,?)", (stream, first, last, digest))
    result.behind += max(0, min(last, known.acked) - first + 1)
    if last > known.acked:
        result.gaps.append((stream, max(first, known.acked + 1), last))


def _likely(row: Row, streams: Mapping[Stream, _Chain]) -> list[_Chain]:
    guess = _STREAM_OF.get(row.kind, Stream.AUDIT)
    return [streams[guess], *(one for stream, one in streams.items() if stream is not guess)]


def _learn(result: Salvaged, row: Row) -> None:
    """What state tables may have lost is still in the entries that it was committed with."""
    if row.body is None:
        return
    try:
        match row.kind:
            case EntryKind.RECEIPT:
                result.quotes.append(msgspec.json.decode(row.body, type=ReceiptBody).quote)
            case EntryKind.REFUND:
                result.refunds.append(msgspec.json.decode(row.body, type=RefundBody))
            case EntryKind.BUNDLE_APPLIED:
                result.bundles.append(msgspec.json.decode(row.body, type=BundleBody))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # Of another version; the tables speak for themselves.


def _loose(epoch: str, one: Proved) -> SalvagedBody:
    row = one.row
    return SalvagedBody(
        epoch=epoch,
        stream=one.stream,
        seq=row.seq,
        entry_kind=row.kind,
        wall_ms=row.wall_ms,
        digest=base64.b64encode(row.digest).decode(),
        salt=base64.b64encode(row.salt or b"").decode(),
        body=(row.body or b"").decode(errors="replace"),
    )


def _insert(db: sqlite3.Connection, stream: Stream, row: Row) -> None:
    db.execute(f"INSERT INTO {stream.value} VALUES (?,?,?,?,?,?,?,?,?,?)", msgspec.structs.astuple(row)[:10])
