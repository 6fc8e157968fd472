"""The centre's store: entries once each, who is online, signed bundles. Every call is one durable transaction.

Safe from any thread. Reading for people is `gateway.centre.query`'s business.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.centre import schema
from gateway.centre.intaking import Intaking, Refusal, Taken, ack_of, load_tail
from gateway.centre.parcel import Parcel
from gateway.model.clock import Clock
from gateway.model.entry import Entry, Stream
from gateway.model.errors import Conflict, LedgerError
from gateway.wire.bundle import Manifest, SignedBundle
from gateway.wire.messages import Ack, State

EVERYONE = "*"
"""The target of a bundle for all gateways of the city."""


class Welcome(msgspec.Struct, frozen=True):
    """What a birth is answered with: the word on every strand of its epoch, and the bundles owed to it."""

    gateway: str
    acks: list[Ack]
    bundles: list[bytes]


class Store:
    """The store in one SQLite file. A failing disk raises `LedgerError`; nothing of that call is then stored."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or create the file. Raises `LedgerError`."""
        self._db = schema.open_store(self._path)

    def close(self) -> None:
        """Close the file; what was committed stays."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def take(self, entries: Sequence[Entry], refusals: Sequence[Refusal] = ()) -> Taken:
        """Store each entry once, in one transaction, and say per strand what is now stored, missing, refused."""
        return self.take_parcels([Parcel("", list(entries), list(refusals))])

    def take_parcels(self, parcels: Sequence[Parcel]) -> Taken:
        """`take` for whole messages; what could not be told by number becomes an alarm of its gateway."""
        with self._transaction() as db:
            intaking = Intaking(db, self._clock.wall_ms())
            for parcel in parcels:
                for entry in parcel.entries:
                    intaking.take(entry)
                for refusal in parcel.refusals:
                    intaking.refuse(refusal)
                if parcel.poison:
                    intaking.alarm(parcel.gateway, "poison", parcel.poison)
            return intaking.finish()

    def alarm(self, gateway: str, what: str, detail: str) -> None:
        """Keep something that a person should look at."""
        with self._transaction() as db:
            Intaking(db, self._clock.wall_ms()).alarm(gateway, what, detail)

    def hear(self, said: Sequence[tuple[str, State]]) -> list[Welcome]:
        """Births and deaths, in the order they came. A birth is answered; a death counts only when it carries
        the session of the birth that stands: any other is late."""
        with self._transaction() as db:
            welcomes: dict[str, Welcome] = {}
            for gateway, state in said:
                if state.online:
                    welcomes[gateway] = self._born(db, gateway, state)
                elif self._died(db, gateway, state):
                    welcomes.pop(gateway, None)
            return list(welcomes.values())

    def put_bundle(self, manifest: Manifest, bundle: SignedBundle) -> bytes:
        """Keep a bundle for good and return it as it travels. Raises `Conflict` when its number is not greater
        than the newest of its kind that any of its gateways may have: they count per kind, whatever the target."""
        signed = msgspec.json.encode(bundle)
        with self._transaction() as db:
            sql = "SELECT max(number) FROM bundles WHERE kind = ?1 AND (?2 = ?3 OR target IN (?2, ?3))"
            newest = db.execute(sql, (manifest.kind.value, manifest.target, EVERYONE)).fetchone()[0] or 0
            if manifest.number <= newest:
                raise Conflict(
                    f"{manifest.kind} bundle {manifest.number} for {manifest.target}: {newest} is already published",
                    f"Number it {newest + 1} and sign it again",
                )
            row = (manifest.kind.value, manifest.target, manifest.number, manifest.created_ms, signed)
            db.execute("INSERT INTO bundles VALUES (?, ?, ?, ?, ?)", row)
        return signed

    def online(self, target: str) -> list[str]:
        """The gateways that a bundle for this target reaches now."""
        with self._transaction() as db:
            if target == EVERYONE:
                rows = db.execute("SELECT gateway FROM gateways WHERE online = 1 ORDER BY gateway")
            else:
                rows = db.execute("SELECT gateway FROM gateways WHERE online = 1 AND gateway = ?", (target,))
            return [gateway for (gateway,) in rows]

    def _born(self, db: sqlite3.Connection, gateway: str, state: State) -> Welcome:
        now = self._clock.wall_ms()
        self._write_gateway(db, gateway, state, now)
        strands = "SELECT stream FROM strands WHERE gateway = ? AND epoch = ?"
        streams = {Stream(stream) for (stream,) in db.execute(strands, (gateway, state.epoch))} | set(state.last)
        for stream, last in state.last.items():
            highest = load_tail(db, gateway, state.epoch, stream).highest
            if last < highest:  # its card lost what was acked, or an old copy of it was restored
                detail = f"{state.epoch}/{stream}: its last is {last}, stored up to {highest}"
                Intaking(db, now).alarm(gateway, "behind", detail)
        acks = [ack_of(db, gateway, state.epoch, stream) for stream in sorted(streams)]
        return Welcome(gateway, acks, _owed(db, gateway, state.bundles))

    def _died(self, db: sqlite3.Connection, gateway: str, state: State) -> bool:
        row = db.execute("SELECT session FROM gateways WHERE gateway = ?", (gateway,)).fetchone()
        if row is not None and row[0] != state.session:
            return False
        self._write_gateway(db, gateway, state, self._clock.wall_ms())
        return True

    @staticmethod
    def _write_gateway(db: sqlite3.Connection, gateway: str, state: State, now: int) -> None:
        """A death leaves the state of the birth: it is the last that is known of the gateway."""
        born = now if state.online else None
        sql = (
            "INSERT INTO gateways VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET online = excluded.online, "
            "session = excluded.session, epoch = excluded.epoch, changed_ms = excluded.changed_ms, "
            "state = iif(excluded.online, excluded.state, state), born_ms = coalesce(excluded.born_ms, born_ms)"
        )
        row = (gateway, state.online, state.session, state.epoch, msgspec.json.encode(state), born, now)
        db.execute(sql, row)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._db is None:
                raise LedgerError("the store is closed", where=str(self._path))
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                finally:
                    if self._db.in_transaction:  # SQLite itself rolls back on some errors, such as a full disk
                        self._db.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise LedgerError(f"cannot store: {error}", "Check the disk", where=str(self._path)) from error


def _owed(db: sqlite3.Connection, gateway: str, numbers: dict[str, int]) -> list[bytes]:
    """The newest bundle of each kind for this gateway that is newer than the number it has in force."""
    sql = "SELECT kind, max(number), signed FROM bundles WHERE target IN (?, ?) GROUP BY kind ORDER BY kind"
    rows = db.execute(sql, (gateway, EVERYONE))
    return [signed for kind, number, signed in rows if number > numbers.get(kind, 0)]
