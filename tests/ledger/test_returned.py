"""After a file was damaged, what has come back of a receipt is known from the entries that it was committed with."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from gateway.ledger import schema
from gateway.ledger.pages import Row
from gateway.ledger.renew import _reconcile
from gateway.ledger.salvage import Salvaged, _learn
from gateway.model.receipt import Means
from gateway.model.refund import Refund, RefundReason, Returned
from gateway.model.till_bodies import RefundBody


def refund(quantity: int, before: int) -> Row:
    body = RefundBody(
        station="till-1",
        key="k",
        receipt="gw-1/00ff/receipt/7",
        refund=Refund((Returned("1", quantity, 10, 10),), 10),
        reason=RefundReason.RETURNED,
        means=Means.CASH,
        before={"1": before} if before else {},
    )
    return Row(9, "refund", 0, 0, "", "ntp", b"", b"", msgspec.json.encode(body), b"", True)


def test_as_much_has_come_back_as_the_newest_refund_says(tmp_path: Path) -> None:
    db = schema.connect(tmp_path / "ledger.db")
    schema.prepare(db, tmp_path / "ledger.db")
    salvaged = Salvaged()
    for row in (refund(1000, 2000), refund(2000, 0)):
        _learn(salvaged, row)
    _learn(salvaged, msgspec.structs.replace(refund(1, 1), body=b"{}"))
    _learn(salvaged, msgspec.structs.replace(refund(1, 1), body=None))
    _reconcile(db, salvaged)
    assert _rows(db) == [("00ff", 7, "1", 3000, "")]
    _reconcile(db, salvaged)
    assert _rows(db) == [("00ff", 7, "1", 3000, "")]
    db.close()


def _rows(db: sqlite3.Connection) -> list[tuple[object, ...]]:
    return db.execute("SELECT epoch, seq, line, quantity, work FROM returned").fetchall()
