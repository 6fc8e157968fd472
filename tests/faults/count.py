"""Told against stored: what is lost, what is there twice, what came twice and was known. Pure; from outside."""

from __future__ import annotations

import base64
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway.centre.query import Query
from gateway.model.entry import EntryKind, Stream
from tests.faults.frame import Tally, require
from tests.faults.pos import Told

EVERYTHING = 10_000_000
SALVAGED = "salvaged"
DROPPABLE = (Stream.IDENTIFICATION, Stream.TELEMETRY)
"""What a gateway may drop before it was acked."""


class StoredEntry(NamedTuple):
    """An entry that the centre has: in its store, or beside it as the other content of a conflict."""

    gateway: str
    epoch: str
    stream: str
    seq: int
    kind: str
    digest: bytes
    wall_ms: int
    body: dict[str, Any]
    conflict: bool = False

    @property
    def id(self) -> str:
        return f"{self.gateway}/{self.epoch}/{self.stream}/{self.seq}"


class Verdict(NamedTuple):
    """A sentence for each that is lost or unexplained."""

    told: int
    lost: tuple[str, ...]
    duplicates: tuple[str, ...]
    suppressed: int
    conflicts: int
    epochs: int
    """Of the gateway that has most."""
    named: int
    """Entries that are not there, and of which the gateway itself has said so."""
    missed: tuple[str, ...] = ()
    """What was not put to the test."""
    note: str = ""

    def tally(self, rounds: int, missed: Sequence[str] = (), note: str = "") -> Tally:
        """For the table."""
        notes = "; ".join(filter(None, (note, self.note)))
        return Tally(rounds, self.told, self.lost, self.duplicates, self.suppressed, (*missed, *self.missed), notes)


def count(
    told: Sequence[Told],
    gone: Sequence[str],
    stored: Sequence[StoredEntry],
    wire: Mapping[str, Sequence[str]],
    ledger: Mapping[str, bytes],
    *,
    conflicts_explained: bool = False,
    damaged: bool = False,
) -> Verdict:
    """Lost: told, and neither stored under that number and key, nor kept as a conflict, nor named by an entry
    `dropped` or `salvaged`; a number that is missing below another; a quote that was given and is unknown (`gone`).
    Only a `damaged` file excuses that more is named than what may be dropped.
    Unexplained: a key, quote or answer more than once; a number with two digests, in the store, on the `wire` or
    between the store and the gateway's own `ledger`. Suppressed: deliveries of an entry beyond its first."""
    missing = dict(_missing(told, stored))
    named = [entry for entry in missing if _is_named(entry, stored, damaged)]
    lost = [*(said for entry, said in missing.items() if entry not in named), *gone]
    twice = [*_twice(told, stored)]
    conflicts = sum(entry.conflict for entry in stored)
    if not conflicts_explained:
        twice += _two_digests(stored, wire, ledger)
    suppressed = sum(len(digests) - 1 for digests in wire.values())
    epochs = Counter(gateway for gateway, _ in {(entry.gateway, entry.epoch) for entry in stored})
    most = max(epochs.values(), default=0)
    return Verdict(len(told), tuple(lost), tuple(twice), suppressed, conflicts, most, len(named))


def stored_of(store: str, gateway: str) -> list[StoredEntry]:
    """Everything that a centre has of a gateway: in an SQLite store, or in the PostgreSQL of this URL, where nothing
    may have become a conflict. Raises `FaultFailed` when something has."""
    query = Query(Path(store)) if "://" not in store else Query(store)
    rows = query.events(gateway=gateway, limit=EVERYTHING)
    found = [StoredEntry(r.gateway, r.epoch, r.stream, r.seq, r.kind, r.digest, r.wall_ms, _body(r.body)) for r in rows]
    if "://" in store:
        conflicts = query.counts().conflicts
        require(conflicts == 0, f"{conflicts} conflicts in {store}")
        return found
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        sql = "SELECT gateway, epoch, stream, seq, kind, digest, wall_ms, body FROM conflicts WHERE gateway = ?"
        for *header, body in db.execute(sql, (gateway,)):
            found.append(StoredEntry._make([*header, _body(body), True]))
    finally:
        db.close()
    return found


def _body(body: msgspec.Raw | bytes | None) -> dict[str, Any]:
    """None for an entry that was erased."""
    told: dict[str, Any] = msgspec.json.decode(body) if body else {}
    return told


def _missing(told: Sequence[Told], stored: Sequence[StoredEntry]) -> Iterator[tuple[str, str]]:
    """Entries that should be there as they were told, and are not; with a sentence each."""
    numbers: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    keys: dict[str, set[str]] = defaultdict(set)
    for entry in stored:
        numbers[entry.gateway, entry.epoch, entry.stream].add(entry.seq)
        if entry.kind == EntryKind.RECEIPT:
            keys[entry.id].add(str(entry.body.get("key")))
    for strand, have in numbers.items():
        for number in sorted(set(range(1, max(have))) - have):
            name = "/".join((*strand, str(number)))
            yield name, f"{name} is missing, though later ones are there"
    for each in told:
        if each.key not in keys[each.entry]:
            there = ", ".join(keys[each.entry]) or "nothing"
            yield each.entry, f"{each.key}, told as {each.entry}: stored there is {there}"


def _is_named(name: str, stored: Sequence[StoredEntry], damaged: bool) -> bool:
    """Whether the gateway itself says that it has dropped or cannot read this entry, or sends what it could read of
    it, and may."""
    _, epoch, stream, number = name.split("/")
    if not damaged and stream not in DROPPABLE:
        return False
    for entry in stored:
        body = entry.body
        if entry.kind not in (EntryKind.DROPPED, SALVAGED) or (epoch, stream) != (
            body.get("epoch") or entry.epoch,
            body["stream"],
        ):
            continue
        first, last = (body["seq"],) * 2 if entry.kind == SALVAGED else (body["first"], body["last"])
        if body.get("open"):  # said: after this nobody knows how much more there was
            last = EVERYTHING
        if first <= int(number) <= last:
            return True
    return False


def _twice(told: Sequence[Told], stored: Sequence[StoredEntry]) -> Iterator[str]:
    receipts = {(entry.id, entry.digest): entry for entry in stored if entry.kind == EntryKind.RECEIPT}.values()
    yield from _repeated("receipt", (str(entry.body["key"]) for entry in receipts if entry.body))
    yield from _repeated("quote sold", (str(entry.body["quote"]) for entry in receipts if entry.body))
    yield from _repeated("answer", (key for key, _ in {(each.key, each.entry) for each in told}))
    # Both are kept where the centre calls it a conflict.
    kept = {entry.id for entry in stored if entry.conflict}
    pairs = {(each.entry, each.key) for each in told if each.entry not in kept}
    yield from _repeated("entry told for two receipts", (entry for entry, _ in pairs))


def _two_digests(
    stored: Sequence[StoredEntry], wire: Mapping[str, Sequence[str]], ledger: Mapping[str, bytes]
) -> Iterator[str]:
    digests: dict[str, set[bytes]] = defaultdict(set)
    for entry in stored:
        digests[entry.id].add(entry.digest)
    for name, seen in wire.items():
        digests[name].update(base64.b64decode(digest) for digest in seen)
    for name, own in ledger.items():
        if name in digests:
            digests[name].add(own)
    yield from (f"{name} has {len(found)} contents" for name, found in digests.items() if len(found) > 1)


def _repeated(what: str, names: Iterator[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        yield from [f"{what} twice: {name}"] * (times - 1)
