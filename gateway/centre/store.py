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

from gateway.centre import schema, shelf
from gateway.centre.intaking import Intaking, Refusal, Taken, ack_of, load_tail
from gateway.centre.parcel import Parcel
from gateway.centre.shelf import EVERYONE
from gateway.model.clock import Clock
from gateway.model.entry import Entry, Stream
from gateway.model.errors import LedgerError
from gateway.wire.bundle import BundleKind, Manifest, SignedBundle
from gateway.wire.messages import Ack, State


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
                    shelf.hear_entry(db, entry, self._clock.wall_ms())
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

    def put_bundle(self, manifest: Manifest, bundle: SignedBundle) -> None:
        """Keep a verified bundle for good (`gateway.centre.shelf.put`). Raises `Conflict`."""
        with self._transaction() as db:
            shelf.put(db, manifest, bundle)

    def announcement(self, manifest: Manifest) -> bytes | None:
        """A kept bundle as it is sent to gateways."""
        with self._transaction() as db:
            return shelf.announcement(db, manifest.kind, manifest.target, manifest.number, manifest.base)

    def deltas_to(self, manifest: Manifest) -> dict[int, bytes]:
        """Announcements of deltas to this registry, by the number that they lead from."""
        with self._transaction() as db:
            return shelf.deltas_to(db, manifest.target, manifest.number)

    def chunk(self, gateway: str, sha256: str, index: int) -> bytes | None:
        """A chunk of a bundle that is meant for this gateway."""
        with self._transaction() as db:
            return shelf.chunk_for(db, gateway, sha256, index)

    def whole(self, gateway: str, kind: BundleKind) -> bytes | None:
        """The newest bundle of a kind for this gateway that is no delta, as it is sent."""
        with self._transaction() as db:
            return shelf.whole(db, gateway, kind)

    def told(self, gateway: str) -> dict[str, int]:
        """The numbers of the bundles that a gateway has said to have in force."""
        with self._transaction() as db:
            return shelf.told(db, gateway)

    def unreached(self) -> list[shelf.Unreached]:
        """Gateways that have not confirmed the newest bundle of a kind."""
        with self._transaction() as db:
            return shelf.unreached(db)

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
        shelf.hear_birth(db, gateway, state.bundles, now)
        strands = "SELECT stream FROM strands WHERE gateway = ? AND epoch = ?"
        streams = {Stream(stream) for (stream,) in db.execute(strands, (gateway, state.epoch))} | set(state.last)
        for stream, last in state.last.items():
            highest = load_tail(db, gateway, state.epoch, stream).highest
            if last < highest:  # its card lost what was acked, or an old copy of it was restored
                detail = f"{state.epoch}/{stream}: its last is {last}, stored up to {highest}"
                Intaking(db, now).alarm(gateway, "behind", detail)
        acks = [ack_of(db, gateway, state.epoch, stream) for stream in sorted(streams)]
        return Welcome(gateway, acks, shelf.owed(db, gateway, state.bundles))

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
