"""State tables `fiscal` (where each work of a fiscal device stands) and `fiscal_work` (the work itself, while it may be
needed to settle it). Written in the commits of what they stand for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.model.errors import Conflict
from gateway.model.fiscal import (
    Baseline,
    CashWork,
    PrintOutcome,
    PrintResult,
    ReceiptWork,
    ReportWork,
    Work,
    WorkPoint,
    WorkStep,
)

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

OPEN = ("", PrintResult.UNKNOWN)
"""Outcomes of a work of which it is not known how it ended."""

_COLUMNS = "f.key, f.station, f.device, f.kind, f.point, f.baseline, f.number, f.outcome, f.answer, f.said, f.began_ms"
_FROM = "FROM fiscal f LEFT JOIN fiscal_work w ON w.key=f.key"

_work = msgspec.json.Decoder[Work](Work)
_baseline = msgspec.json.Decoder(Baseline)
_said = msgspec.json.Decoder(PrintOutcome)


def kind_of(work: Work) -> str:
    """How lists and tables name it: `receipt`, `reversal`, `x`, `z` or `cash`."""
    match work:
        case ReceiptWork(reversal=None):
            return "receipt"
        case ReceiptWork():
            return "reversal"
        case ReportWork(z=z):
            return "z" if z else "x"
        case CashWork():
            return "cash"


NO_TRACE = "x_has_no_trace"
"""The code of a driver for an X report of which only the paper tells."""
OTHER_DEVICE = "other_device"
"""The code of a driver for a device that is not the one that the work was begun on."""


class WorkRow(msgspec.Struct, frozen=True):
    """Where one work stands. `owner`: the station or face that asked for it. `result` is empty while it is under way or
    was interrupted. `answer`: key of the answer that was stored for who asked. `work` is None once it has ended for
    good, and for rows of a time when works were not kept. `said`: how it ended, as far as it is known."""

    key: str
    owner: str
    device: str
    kind: str
    point: WorkPoint = WorkPoint.RECORDED
    baseline: Baseline = Baseline()
    number: str = ""
    result: PrintResult | None = None
    answer: str = ""
    said: PrintOutcome | None = None
    began_ms: int = 0
    work: Work | None = None

    @property
    def in_doubt(self) -> bool:
        """It is not known how it ended."""
        return self.result in (None, PrintResult.UNKNOWN)

    @property
    def leaves_no_trace(self) -> bool:
        """An X report whose answer was lost: it books nothing, and no reading will ever tell. Nothing waits for it."""
        return self.said is not None and self.said.code == NO_TRACE

    def after(self, step: WorkStep) -> WorkRow:
        """The same row when this point is stored."""
        return msgspec.structs.replace(
            self,
            point=step.point,
            baseline=step.baseline if step.baseline is not None else self.baseline,
            number=step.number or self.number,
        )

    def ended(self, outcome: PrintOutcome) -> WorkRow:
        """The same row when this outcome is stored."""
        return msgspec.structs.replace(
            self,
            result=outcome.result,
            number=outcome.number or self.number,
            said=outcome,
            work=self.work if outcome.result is PrintResult.UNKNOWN else None,
        )


def row_of(query: Query, key: str) -> WorkRow | None:
    """Where this work stands; None when there is none of this key (any more: docs/ledger.md, What may go)."""
    rows = query(f"SELECT {_COLUMNS}, w.work {_FROM} WHERE f.key=?", (key,))
    return _row(rows[0]) if rows else None


def receipt_of(query: Query, device: str, number: str) -> WorkRow | None:
    """The newest receipt that was printed here under this number, however many zeros stand before it."""
    rows = query(
        f"SELECT {_COLUMNS}, w.work {_FROM} WHERE f.device=? AND f.kind='receipt' AND f.outcome='printed'"
        " AND ltrim(f.number, '0')=? ORDER BY f.began_ms DESC LIMIT 1",
        (device, number.lstrip("0")),
    )
    return _row(rows[0]) if rows else None


def open_rows(query: Query) -> list[WorkRow]:
    """All works of which it is not known how they ended, the oldest first."""
    sql = f"SELECT {_COLUMNS}, w.work {_FROM} WHERE f.outcome IN ('', 'unknown') ORDER BY f.began_ms, f.at_ms, f.key"
    return [_row(row) for row in query(sql, ())]


def _row(row: tuple[Any, ...]) -> WorkRow:
    key, owner, device, kind, point, baseline, number, outcome, answer, said, began_ms, work = row
    return WorkRow(
        key=key,
        owner=owner,
        device=device,
        kind=kind,
        point=WorkPoint(point),
        baseline=_baseline_of(baseline),
        number=number,
        result=PrintResult(outcome) if outcome else None,
        answer=answer,
        said=_said.decode(said) if said else None,
        began_ms=began_ms,
        work=_work.decode(work) if work else None,
    )


def _baseline_of(text: str) -> Baseline:
    """A row that was salvaged from a file of an older schema has the bare number."""
    if not text.startswith("{"):
        return Baseline(number=text)
    return _baseline.decode(text)


class FiscalBegun(msgspec.Struct, frozen=True):
    """Effect: this work is to be done on `device` for `owner` (a station's id, or a face's name); the caller commits it
    with its own entry and the first answer, then calls `Printers.run`. `answer`: key in table `answer` of the answer
    that is amended when the work ends, however late.

    Raises `Conflict` with `key_reused` when there is a work of this key already.
    """

    work: Work
    device: str
    owner: str
    answer: str = ""

    @property
    def key(self) -> str:
        return self.work.key

    def row(self, began_ms: int = 0) -> WorkRow:
        """Where it stands when this is committed."""
        kind = kind_of(self.work)
        return WorkRow(self.key, self.owner, self.device, kind, answer=self.answer, work=self.work, began_ms=began_ms)

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if db.execute("SELECT 1 FROM fiscal WHERE key=?", (self.key,)).fetchone() is not None:
            raise Conflict(
                f"{self.key} was printed or is being printed", "Use a new key for each new work", code="key_reused"
            )
        db.execute(
            "INSERT INTO fiscal (key, station, point, baseline, number, outcome, at_ms, device, kind, answer, began_ms)"
            " VALUES (?, ?, ?, '', '', '', ?, ?, ?, ?, ?)",
            (
                *(self.key, self.owner, WorkPoint.RECORDED.value, now.wall_ms),
                *(self.device, kind_of(self.work), self.answer, now.wall_ms),
            ),
        )
        work = msgspec.json.encode(self.work).decode()
        db.execute("INSERT OR REPLACE INTO fiscal_work (key, work) VALUES (?, ?)", (self.key, work))


class PointReached(msgspec.Struct, frozen=True):
    """Effect: the device's driver has reached this point."""

    step: WorkStep

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        step = self.step
        baseline = "" if step.baseline is None else msgspec.json.encode(step.baseline).decode()
        db.execute(
            "UPDATE fiscal SET point=:point, baseline=CASE WHEN :baseline='' THEN baseline ELSE :baseline END,"
            " number=CASE WHEN :number='' THEN number ELSE :number END, at_ms=:at WHERE key=:key",
            {
                "point": step.point.value,
                "baseline": baseline,
                "number": step.number,
                "at": now.wall_ms,
                "key": step.key,
            },
        )


class Ended(msgspec.Struct, frozen=True):
    """Effect: how a work ended. The work itself goes, unless it may still be needed to settle it."""

    outcome: PrintOutcome

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        outcome = self.outcome
        db.execute(
            "UPDATE fiscal SET outcome=:outcome, number=CASE WHEN :number='' THEN number ELSE :number END,"
            " said=:said, at_ms=:at WHERE key=:key",
            {
                "outcome": outcome.result.value,
                "number": outcome.number,
                "said": msgspec.json.encode(outcome).decode(),
                "at": now.wall_ms,
                "key": outcome.key,
            },
        )
        if outcome.result is not PrintResult.UNKNOWN:
            db.execute("DELETE FROM fiscal_work WHERE key=?", (outcome.key,))
