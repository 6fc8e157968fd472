"""What entries say of a quota: sold, given back, not printed; in the very bodies that a till stores."""

from __future__ import annotations

import msgspec
import pytest

from gateway.centre.quota_reconcile import _Body, _Books
from gateway.model.body import Body
from gateway.model.decision import Decision, LineDecision, Use
from gateway.model.entry import EntryKind
from gateway.model.identification import Identification
from gateway.model.receipt import Line, Means, Receipt
from gateway.model.refund import Refund, RefundReason, Returned
from gateway.model.till_bodies import FiscalOutcomeBody, PrintedBy, ReceiptBody, RefundBody

USES = (Use("rides", "2026-11", 3), Use("rides", "2026-11", 1, card=True), Use("other", "2026-11", 9))
SOLD = ReceiptBody(
    station="till-1",
    key="r-1",
    quote="q1",
    receipt=Receipt((Line("1", "Ride", "fare", 100, 3000),)),
    decision=Decision((LineDecision("1", 300, 300),), 300, 300, uses=USES),
    printed_by=PrintedBy.GATEWAY,
    identification=Identification(holder="h-1"),
)


def back(units: int, work: str = "", receipt: str = "gw/e/receipt/1") -> RefundBody:
    given = Refund((Returned("1", 1000, 100, 0),), 0, uses=(Use("rides", "2026-11", units),))
    return RefundBody(
        station="till-2",
        key="b",
        receipt=receipt,
        refund=given,
        reason=RefundReason.RETURNED,
        means=Means.CARD,
        work=work,
    )


def ended(key: str, outcome: str) -> FiscalOutcomeBody:
    return FiscalOutcomeBody(station="till-1", key=key, outcome=outcome)


KINDS: dict[type[Body], EntryKind] = {
    ReceiptBody: EntryKind.RECEIPT,
    RefundBody: EntryKind.REFUND,
    FiscalOutcomeBody: EntryKind.FISCAL_OUTCOME,
}


@pytest.mark.parametrize(
    ("bodies", "used"),
    [
        ((), 3),
        ((back(1),), 2),
        ((back(1), back(2)), 0),
        ((back(2), back(2)), 0),
        ((back(1, receipt="gw/e/receipt/77"),), 3),
        ((back(1, receipt="nonsense"),), 3),
        ((back(1, work="w"),), 3),
        ((back(1, work="w"), ended("w", "unknown")), 3),
        ((back(1, work="w"), ended("w", "unknown"), ended("w", "printed")), 2),
        ((back(1, work="w"), ended("w", "cancelled")), 3),
        ((ended("q1", "printed"),), 3),
        ((ended("q1", "unknown"), ended("q1", "cancelled")), 0),
        ((ended("q1", "refused"), ended("q1", "refused")), 0),
    ],
)
def test_units_in_use_are_those_sold_and_not_given_back(bodies: tuple[Body, ...], used: int) -> None:
    books = _Books("rides", "2026-11")
    for seq, body in enumerate((SOLD, *bodies), 1):
        books.take(("gw", "e", seq), KINDS[type(body)], msgspec.json.decode(msgspec.json.encode(body), type=_Body))
    assert books.used["gw", "h-1"] == used
