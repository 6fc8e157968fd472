"""The quota authority: who may use how much of what, in the very transaction of the group that asks for it.

Promise: what is granted of a cell and not freed never passes its limit (I1), whatever is lost, repeated or late.
Freed is what a gateway has closed (once), given back of what it closed (once each), or handed over signed; nothing is
freed because time has passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, Row, func, select, update

from gateway.centre import quota_handover
from gateway.centre.quota_limits import LEASE_MS, Limits, Terms, size
from gateway.centre.quota_lots import Lot, lots_of, take_of_lot
from gateway.centre.quota_outside import count_beyond, counted, keep_life, life_of
from gateway.centre.quota_rows import (
    FENCED,
    OPEN,
    UNTOLD,
    Box,
    answer_of,
    box_of,
    credit,
    free,
    insert_lease,
    lease_row,
    lock_cells,
    open_cell,
    others_open,
    over_of,
    recall_others,
    recalls_of,
    save_box,
)
from gateway.centre.quota_tables import quota_cells, quota_leases
from gateway.centre.tables import gateways
from gateway.wire import quota as wire
from gateway.wire.quota import Cell, Denial, LeaseId, Said, Told

MAX_OPEN = 5000
"""Leases that one gateway has open at a time."""

Answers = list[tuple[str, Told]]


class Authority:
    """Lives as long as one transaction on `db`, which the caller begins and commits; `alarms` are then to be written.
    The caller holds the leases of the gateways' shards (`gateway.centre.leases`)."""

    def __init__(self, db: Connection, limits: Limits, now_ms: int) -> None:
        self._db = db
        self._limits = limits
        self._now_ms = now_ms
        self._boxes: dict[str, Box] = {}
        self.alarms: Counter[tuple[str, str, str]] = Counter()
        self.recalled = False
        """Whether leases of other gateways were recalled: their workers should be told."""

    def run(self, groups: Sequence[tuple[str, wire.QuotaSaid]]) -> Answers:
        """Take all of it, in order; what is to be said back after the commit."""
        for gateway in sorted({gateway for gateway, _ in groups}):
            self._box(gateway)  # Ours from here on: an officer may be fencing it.
        lock_cells(self._db, self._touched(groups))
        answers = [
            (gateway, told) for gateway, group in groups for said in group.said for told in self._take(gateway, said)
        ]
        self._save()
        return answers

    def _save(self) -> None:
        """Write what has changed of gateways themselves."""
        for gateway, box in self._boxes.items():
            save_box(self._db, gateway, box)

    def _touched(self, groups: Sequence[tuple[str, wire.QuotaSaid]]) -> set[wire.Key]:
        """Cells that may change, so that two workers lock them in one order."""
        cells: set[wire.Key] = set()
        for gateway, group in groups:
            for said in group.said:
                match said:
                    case wire.Request(cell=cell):
                        cells.add(cell.by)
                    case wire.Close(lease=of) | wire.Void(lease=of):
                        if (row := lease_row(self._db, gateway, of)) is not None:
                            cells.add(wire.Key(row.key, row.period, row.subject))
                    case wire.HandOver():
                        cells |= quota_handover.cells_of(self._db, gateway, said)
                    case _:
                        pass
        return cells

    def _take(self, gateway: str, said: Said) -> list[Told]:
        box = self._box(gateway)
        match said:
            case wire.Hello():
                return self._hello(gateway, box, said)
            case wire.Beyond():
                return [self._beyond(gateway, box, said)]
            case wire.HandOver():
                return [self._handed(gateway, box, said)]
            case wire.Request() | wire.Report() | wire.Close() | wire.Void():
                of = said.lease.incarnation
        if of > box.incarnation:
            self._alarm(gateway, "quota life unknown", str(of))
            return []
        if of < box.incarnation:
            # Of a life that is over: what it says changes nothing, what it holds counts as used.
            return [wire.Fence(box.incarnation)]
        match said:
            case wire.Request():
                told = self._request(gateway, box, said)
            case wire.Report():
                told = self._report(gateway, said)
            case wire.Close():
                told = self._close(gateway, box, said)
            case wire.Void():
                told = self._void(gateway, said)
        return [told] if told is not None else []

    # Lives -------------------------------------------------------------------------------------------------

    def _hello(self, gateway: str, box: Box, said: wire.Hello) -> list[Told]:
        known, closings = life_of(self._db, gateway, said)
        if not known:
            known, closings = self._begin_life(gateway), said.closings
            keep_life(self._db, gateway, said, known, self._now_ms)
        if known != box.incarnation:
            return [wire.Fence(box.incarnation)]
        recalls = recalls_of(self._db, gateway, known)
        return [wire.Fence(known, said.nonce, closings), *recalls]

    def fence(self, names: Sequence[str], *, later: bool = False) -> list[tuple[str, wire.Fence]]:
        """End the present life of these gateways, and what they are told. `later`: by whoever holds their shards
        (`quota_rows.take_untold`), since the caller sends nothing."""
        fenced = [(gateway, wire.Fence(self._begin_life(gateway, UNTOLD if later else 0))) for gateway in names]
        self._save()
        return fenced

    def _begin_life(self, gateway: str, recall: int = 0) -> int:
        """The next life of a gateway; all leases of those before count as used up until their periods end."""
        box = self._box(gateway)
        c = quota_leases.c
        before = c.gateway == gateway, c.standing == OPEN
        ended = {"standing": FENCED, "recall": recall, "changed_ms": self._now_ms}
        self._db.execute(update(quota_leases).where(*before).values(ended))
        self._db.execute(quota_leases.delete().where(c.gateway == gateway, c.standing == "denied"))
        box.incarnation, box.floor, box.open = box.incarnation + 1, 1, 0
        return box.incarnation

    def _handed(self, gateway: str, box: Box, said: wire.HandOver) -> Told:
        if fault := quota_handover.fault_of(self._db, gateway, said):
            self._alarm(gateway, "hand-over refused", fault)
        elif said.incarnation <= box.incarnation:
            for number, used, returned in said.closed:
                row = lease_row(self._db, gateway, LeaseId(said.incarnation, number))
                if row is not None and row.standing in (OPEN, FENCED):
                    self._settle(gateway, box, row, used, returned, "")
        return wire.HandedOver(said.incarnation)

    # Leases ------------------------------------------------------------------------------------------------

    def _request(self, gateway: str, box: Box, said: wire.Request) -> Told | None:
        row = lease_row(self._db, gateway, said.lease)
        if row is not None:
            return answer_of(row)
        if said.lease.number < box.floor:
            return None  # A late copy: its answer was taken and forgotten.
        if said.floor > box.floor:
            box.floor = said.floor
            self._forget_denials(gateway, box)
        granted = self._decide(gateway, box, said)
        insert_lease(self._db, gateway, said, granted, self._now_ms)
        return granted if isinstance(granted, wire.Denied) else granted.grant

    def _decide(self, gateway: str, box: Box, said: wire.Request) -> wire.Denied | Lot:
        cell = said.cell
        terms = self._limits.terms(self._db, gateway, cell, self._now_ms)
        if isinstance(terms, Denial):
            return wire.Denied(said.lease, cell, terms)
        if box.open >= MAX_OPEN:
            return wire.Denied(said.lease, cell, Denial.TOO_MANY)
        lot = lots_of(self._db, cell, self._now_ms) if terms.prepaid else Lot("", terms.limit, terms.end_ms)
        limit = lot.limit
        if limit <= 0:
            return wire.Denied(said.lease, cell, Denial.NOTHING_LEFT)
        out = open_cell(self._db, cell.by, terms.unit.value, limit, terms.end_ms)
        rest = min(limit - out - over_of(self._db, cell.by), lot.rest if terms.prepaid else limit)
        units = size(terms, said.want, rest, self._gateways()) if rest > 0 else 0
        if units <= 0 or not self._grant(gateway, cell, terms, limit, units, lot):
            elsewhere = others_open(self._db, cell.by, gateway)
            if elsewhere:
                self.recalled |= recall_others(self._db, cell.by, gateway, terms.holder, self._now_ms)
            return wire.Denied(said.lease, cell, Denial.ELSEWHERE if elsewhere else Denial.NOTHING_LEFT)
        box.open += 1
        ends = [end for end in (terms.end_ms, lot.expires_ms, self._now_ms + LEASE_MS) if end]
        grant = wire.Grant(said.lease, cell, units, out, min(ends), elsewhere=out + units < limit or out > 0)
        return msgspec.structs.replace(lot, grant=grant)

    def _grant(self, gateway: str, cell: Cell, terms: Terms, limit: int, units: int, lot: Lot) -> bool:
        """I1, asserted by the statements themselves: nothing is written that would pass a limit."""
        c = quota_cells.c
        mine = c.key == cell.key, c.period == cell.period, c.subject == cell.subject
        within = c.granted - c.freed + units <= limit
        done = update(quota_cells).where(*mine, within).values(granted=c.granted + units, limit_units=limit)
        with self._db.begin_nested() as both:
            kept = self._db.execute(done).rowcount == 1
            kept = kept and (not terms.prepaid or take_of_lot(self._db, cell, lot.name, units))
            if not kept:
                both.rollback()
        if not kept:
            self._alarm(gateway, "quota invariant", f"I1: {cell.key}/{cell.period}")
        return kept

    def _report(self, gateway: str, said: wire.Report) -> Told | None:
        row = lease_row(self._db, gateway, said.lease)
        if row is None or row.standing == "denied":
            self._alarm(gateway, "quota lease unknown", str(said.lease.number))
            return None
        if row.standing != OPEN:
            if said.used > row.used:
                self._alarm(gateway, "quota used after closing", str(said.lease.number))
            return wire.Closed(said.lease) if row.standing == "closed" else None
        used, returned = greatest(row.used, said.used), greatest(row.returned, said.returned)
        self._check(gateway, row, used, returned)
        self._write(gateway, row, used=used, returned=returned, last=said.last or row.last)
        return wire.Known(said.lease, used, returned)

    def _close(self, gateway: str, box: Box, said: wire.Close) -> Told:
        row = lease_row(self._db, gateway, said.lease)
        if row is None or row.standing == "denied":
            self._alarm(gateway, "quota lease unknown", str(said.lease.number))
        elif is_open(row):
            self._settle(gateway, box, row, said.used, said.returned, said.last or "")
        return wire.Closed(said.lease)

    def _settle(
        self, gateway: str, box: Box, row: Row[tuple[object, ...]], used: int, returned: int, last: str
    ) -> None:
        """The one place where a lease ends and something of it is freed."""
        used, returned = greatest(row.used, used), greatest(row.returned, returned)
        self._check(gateway, row, used, returned)
        net = min(row.units, max(0, used - returned))
        self._write(gateway, row, used=used, returned=returned, last=last or row.last, standing="closed", recall=0)
        free(self._db, row, row.units - net)
        if row.standing == OPEN:
            box.open = max(0, box.open - 1)

    def _void(self, gateway: str, said: wire.Void) -> Told | None:
        row = lease_row(self._db, gateway, said.lease)
        if row is None or row.standing == "denied":
            self._alarm(gateway, "quota lease unknown", str(said.lease.number))
            return wire.Credited(said.lease, said.entry, said.units)
        if row.standing == OPEN:
            return None  # Its Close is on the way, and this will be said again.
        more, missing = credit(self._db, row, said.entry, said.units)
        if missing:
            self._alarm(gateway, "quota void too large", f"lease {row.number}, {said.entry}")
        if more:
            self._write(gateway, row, credited=row.credited + more)
            free(self._db, row, more)
        return wire.Credited(said.lease, said.entry, said.units)

    def _beyond(self, gateway: str, box: Box, said: wire.Beyond) -> Told:
        if not count_beyond(self._db, self._limits, gateway, said, box.incarnation, self._now_ms):
            self._alarm(gateway, "quota given and not counted", f"{said.cell.key}/{said.cell.period}")
        return counted(said)

    # -------------------------------------------------------------------------------------------------------

    def _check(self, gateway: str, row: Row[tuple[object, ...]], used: int, returned: int) -> None:
        """I2: nobody uses more of a lease than it has."""
        if not 0 <= used - returned <= row.units:
            self._alarm(
                gateway, "quota overrun", f"lease {row.number}: {used} used, {returned} returned of {row.units}"
            )

    def _write(self, gateway: str, row: Row[tuple[object, ...]], **values: object) -> None:
        c = quota_leases.c
        mine = c.gateway == gateway, c.incarnation == row.incarnation, c.number == row.number
        self._db.execute(update(quota_leases).where(*mine).values(changed_ms=self._now_ms, **values))

    def _forget_denials(self, gateway: str, box: Box) -> None:
        c = quota_leases.c
        mine = c.gateway == gateway, c.incarnation == box.incarnation, c.number < box.floor
        self._db.execute(quota_leases.delete().where(*mine, c.standing == "denied"))

    def _gateways(self) -> int:
        return int(self._db.execute(select(func.count()).select_from(gateways)).scalar_one())

    def _box(self, gateway: str) -> Box:
        if gateway not in self._boxes:
            self._boxes[gateway] = box_of(self._db, gateway)
        return self._boxes[gateway]

    def _alarm(self, gateway: str, what: str, detail: str) -> None:
        self.alarms[gateway, what, detail] += 1


def is_open(row: Row[tuple[object, ...]]) -> bool:
    """Whether this lease may still be closed: once."""
    return bool(row.standing == OPEN)


def greatest(known: int, said: int) -> int:
    """Of two running totals, whichever came later: they only rise."""
    return max(known, said)
