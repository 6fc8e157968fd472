"""A device, parties, receipts and their decisions, for the tests of what stands on paper."""

from __future__ import annotations

from hypothesis import strategies as st

from gateway.fiscal.paper import How
from gateway.model.decision import Decision, FiscalForm, LineDecision, Share
from gateway.model.fiscal import Payment, PrinterDescription, Reversal
from gateway.model.money import share_out
from gateway.model.receipt import Line, Receipt

DEVICE = PrinterDescription(
    "datecs-v1-a",
    "Datecs",
    "FP-2000",
    payments=tuple(Payment),
    zero_total=True,
    reversals=True,
    rounding=True,
    rates={"A": 2100, "B": 1200, "C": 500, "D": 0},
)
PARTIES = {"jelgava": Payment.BANK, "siauliai": Payment.COUPON, "museum": Payment.BANK}
HOW = How(PARTIES)
ORIGINAL = Reversal("0000042", device_time="2026-11-27T10:02:41", fiscal_memory="02000042")
FORMS = list(FiscalForm)


@st.composite
def decided(draw: st.DrawFn) -> tuple[Receipt, Decision]:
    """Any receipt of some lines, and any decision on it that keeps the engine's invariants."""
    lines, decisions = [], []
    for number in range(draw(st.integers(1, 5))):
        line = Line(
            id=str(number),
            text=f"Article {number}",
            category="books",
            unit_cents=draw(st.integers(10, 5000)),
            quantity=draw(st.sampled_from([1000, 2000, 3000]) | st.integers(100, 5000)),
            vat=draw(st.sampled_from("ABCD")),
        )
        discount = draw(st.integers(0, line.list_cents))
        parts = share_out(discount, draw(st.lists(st.integers(0, 5), min_size=1, max_size=4)))
        shares = tuple(
            Share(draw(st.sampled_from(sorted(PARTIES))), f"r{at}", cents, draw(st.sampled_from(FORMS)))
            for at, cents in enumerate(parts)
            if cents
        )
        lines.append(line)
        decisions.append(LineDecision(line.id, line.list_cents, sum(share.cents for share in shares), shares))
    due = sum(one.due_cents for one in decisions)
    rounding = draw(st.integers(-2, 2)) if due >= 5 and draw(st.booleans()) else 0
    decision = Decision(
        tuple(decisions),
        sum(one.list_cents for one in decisions),
        sum(one.discount_cents for one in decisions),
        rounding_cents=rounding,
    )
    return Receipt(tuple(lines)), decision
