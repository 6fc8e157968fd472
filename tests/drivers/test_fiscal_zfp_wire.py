"""The dialect of Tremol ZFP against a simulated device that was written apart from it, out of the same document: what
the one sends, the other understands, and what that says is what it did."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Payment, Reversal, ReversalReason
from drivers.fiscal import operations as ask
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.families import Sign
from drivers.fiscal.frames import Answer, Event, Signal
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import (
    Cash,
    DataError,
    Day,
    DeviceClock,
    Identity,
    Last,
    Rates,
    Said,
    Stage,
    Subtotal,
    Transaction,
    merged,
)
from drivers.fiscal.zfp import NBL_FIRST, NBL_LAST
from drivers.fiscal.zfp_dialect import Tremol
from drivers.fiscal.zfp_family import TREMOL
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_endpoint import Endpoint
from drivers.simulators.fiscal_faults import FaultKind
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS
from drivers.simulators.fiscal_zfp import Zfp
from drivers.simulators.fiscal_zfp_commands import COMMANDS

V = TypeVar("V")

COFFEE = ask.Sale(b"Kafija", "A", 250, 2000, discount_cents=50)
BOOK = ask.Sale(b"Gr\xe2mata; laba", "C", 990, 1000, surcharge_cents=10)
CARD, CASH = ask.Pay(Payment.CARD, 500), ask.Pay(Payment.CASH, 2000)


class Till:
    """One dialect and one device. A command is one frame; its answer has its NBL."""

    def __init__(self, *, executes_after_cut: bool = True) -> None:
        self.clock = VirtualClock()
        self.device = Device(MODELS["tremol"], now=self.clock.datetime)
        wire = Zfp(self.device, COMMANDS, encoding="cp1257", executes_after_cut=executes_after_cut)
        self.endpoint = Endpoint(wire, self.device)
        self.dialect = Tremol(TREMOL, Clerk("1", "0000", "1"))
        self._line = MemoryLine(self.endpoint, self.clock)
        self._seq = NBL_FIRST

    def events(self, operation: Operation) -> list[Event]:
        """What comes back for one frame, of this NBL."""
        command, data = self.dialect.request(operation)
        self._seq = NBL_FIRST + (self._seq + 1 - NBL_FIRST) % (NBL_LAST - NBL_FIRST + 1)
        self._line.send(self.dialect.framing.encode(self._seq, command, data))
        parser, events = self.dialect.framing.parser(), list[Event]()
        while came := self._line.receive(0.5):
            events += parser.feed(came)
        events += parser.feed(b"")
        return [event for event in events if isinstance(event, Signal) or event.seq == self._seq]

    def said(self, operation: Operation) -> Said:
        answers = [event for event in self.events(operation) if isinstance(event, Answer)]
        assert answers
        return self.dialect.said(operation, answers[0])

    def do(self, *operations: Operation) -> None:
        for operation in operations:
            assert self.said(operation).refused == "", operation

    def value(self, operation: Operation, kind: type[V]) -> V:
        told = self.said(operation)
        assert told.refused == ""
        assert isinstance(told.value, kind)
        return told.value

    def transaction(self) -> Transaction:
        return merged([self.value(ask.ReadTransaction(part), Transaction) for part in (0, 1)])

    def day(self) -> Day:
        return merged([self.value(ask.ReadDay(part), Day) for part in (0, 1)])


def test_device_says_who_it_is() -> None:
    till, model = Till(), MODELS["tremol"]
    identity = merged([till.value(ask.Identify(part), Identity) for part in range(TREMOL.reads_identity)])
    told = (identity.model, identity.firmware, identity.serial, identity.fiscal_memory, identity.tax_number)
    assert told == (model.name, model.firmware, model.serial, model.fiscal_memory, model.tax_number)
    assert till.value(ask.ReadRates(), Rates).rates == model.rates
    assert till.said(ask.ReadStatus()) == Said(frozenset())


def test_receipt_from_opening_to_its_number() -> None:
    till = Till()
    till.do(ask.Open("ZK000900-0001-0000007"), ask.Text(b"Nr. k-1"), COFFEE, BOOK)
    assert till.value(ask.ReadSubtotal(), Subtotal).cents == 1450
    assert till.value(ask.ReadSubtotal(1), Subtotal) == Subtotal(1450, {"A": 450, "C": 1000})
    assert till.transaction() == Transaction(Stage.OPEN, False, 2, 1450, 0)
    till.do(CARD)
    assert till.transaction() == Transaction(Stage.PAYING, False, 2, 1450, 500)
    assert till.said(ask.ReadStatus()).signs == {Sign.RECEIPT_OPEN}
    till.do(CASH)
    assert till.transaction().stage is Stage.PAID
    till.do(ask.Text(b"Paldies!"), ask.Close())
    assert till.transaction().stage is Stage.NONE
    (document,) = till.device.documents
    assert (document.total_cents, document.payments) == (1450, (("card", 500), ("cash", 2000)))
    assert {group.letter: group.gross for group in document.vat} == {"A": 450, "C": 1000}
    assert any("Grāmata, laba" in line for line in document.lines)
    assert till.value(ask.ReadLast(), Last).number == "000001"
    assert till.day() == Day("0", 1450, 0)
    assert till.value(ask.ReadCash(), Cash).cents == 950


def test_reversal_is_told_as_one_and_adds_to_what_was_given_back() -> None:
    till = Till()
    reversal = Reversal("000001", ReversalReason.REFUND, "2026-11-27T07:30:00", "50000900")
    till.do(ask.OpenReversal(reversal), COFFEE)
    assert till.transaction() == Transaction(Stage.OPEN, True, 1, 450, 0)
    assert till.value(ask.ReadSubtotal(1), Subtotal) == Subtotal(450, {"A": 450})
    till.device.memory.cash = 10_000
    till.do(ask.Pay(Payment.CASH, 450), ask.Close())
    assert till.day() == Day("0", 0, 450)
    assert till.value(ask.ReadCash(), Cash).cents == 9550
    assert till.device.documents[0].kind == "reversal"


def test_subtotal_is_lowered_and_read_again() -> None:
    till = Till()
    till.do(ask.Open(), COFFEE, ask.AdjustSubtotal(-50, "A"))
    assert till.value(ask.ReadSubtotal(), Subtotal).cents == 400
    till.do(ask.AdjustSubtotal(100, "A"))
    assert till.transaction().amount_cents == 500


def test_subtotal_of_two_vat_groups_is_not_lowered_by_an_amount() -> None:
    till = Till()
    till.do(ask.Open(), COFFEE, BOOK)
    assert till.said(ask.AdjustSubtotal(-50, "A")).refused
    assert till.transaction().amount_cents == 1450


def test_cancelled_receipt_leaves_the_sums_alone() -> None:
    till = Till()
    till.do(ask.Open(), COFFEE, ask.Cancel())
    assert till.transaction().stage is Stage.NONE
    assert till.day() == Day("0", 0, 0)


def test_cancel_after_the_payment_began_would_close_the_receipt() -> None:
    """Why the course never sends it then."""
    till = Till()
    till.do(ask.Open(), COFFEE, ask.Pay(Payment.CARD, 100), ask.Cancel())
    assert till.device.documents[0].fiscal is True


def test_reports_slips_cash_clock_and_copy() -> None:
    till = Till()
    till.do(ask.MoveCash(5000), ask.MoveCash(-2000), ask.PrintDay(z=False))
    assert till.value(ask.ReadCash(), Cash).cents == 3000
    till.do(ask.OpenSlip(), ask.SlipLine(b"Kupons"))
    assert till.said(ask.ReadStatus()).signs == {Sign.SERVICE_OPEN}
    till.do(ask.CloseSlip(), ask.Open(), COFFEE, ask.Pay(Payment.CASH, 450), ask.Close(), ask.CopyLast())
    till.do(ask.PrintDay(z=True))
    assert till.day() == Day("1", 0, 0)
    till.do(ask.WriteClock("2026-11-28T10:02:41"))
    assert till.value(ask.ReadClock(), DeviceClock).device_time == "2026-11-28T10:02:00"


def test_more_than_is_in_the_drawer_is_not_taken_out() -> None:
    assert Till().said(ask.MoveCash(-1)).refused == "not enough cash in the drawer"


def test_no_receipt_is_opened_when_the_z_report_is_overdue() -> None:
    till = Till()
    till.do(ask.Open(), COFFEE, ask.Pay(Payment.CASH, 450), ask.Close())
    till.clock.advance(timedelta(hours=24).total_seconds())
    assert till.said(ask.Open()).signs == {Sign.DAY_OVER}


def test_wrong_password_and_no_paper_and_a_second_receipt_are_refused_by_their_digits() -> None:
    till = Till()
    wrong = Tremol(TREMOL, Clerk("1", "9999", "1"))
    till.dialect, right = wrong, till.dialect
    assert till.said(ask.Open()).refused.startswith("wrong password")
    till.dialect = right
    till.do(ask.Open())
    assert Sign.RECEIPT_OPEN in till.said(ask.Open()).signs
    till.device.has_paper = False
    assert Sign.PAPER_OUT in till.said(COFFEE).signs
    assert till.said(ask.ReadStatus()).signs == {Sign.PAPER_OUT, Sign.RECEIPT_OPEN}


@pytest.mark.parametrize(("kind", "signal"), [(FaultKind.BUSY, Signal.RETRY), (FaultKind.NAK, Signal.NAK)])
def test_command_that_was_not_taken_is_told_by_a_signal(kind: FaultKind, signal: Signal) -> None:
    till = Till()
    till.endpoint.fault(kind)
    assert till.events(ask.Open()) == [signal]
    assert till.said(ask.ReadStatus()).signs == frozenset()


@pytest.mark.parametrize("executes", [True, False])
def test_power_cut_is_a_doubt_until_the_status_is_read(*, executes: bool) -> None:
    till = Till(executes_after_cut=executes)
    till.do(ask.Open(), COFFEE)
    till.endpoint.cut_power(till.clock())
    till.clock.advance(1)
    if executes:
        with pytest.raises(DataError, match="read back"):
            till.said(BOOK)
    else:
        assert Sign.POWER_CUT in till.said(BOOK).signs
    assert till.said(ask.ReadTransaction()).signs == {Sign.RECEIPT_OPEN, Sign.POWER_CUT}
    assert till.said(ask.ReadStatus()).signs == {Sign.POWER_CUT, Sign.RECEIPT_OPEN}
    assert till.transaction().items == 1 + executes
    till.do(ask.Cancel())
    assert till.device.documents[0].closed == "cancelled"


amounts = st.integers(1, 99_999)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=34).map(lambda text: bytes(0x20 | byte & 0x5F for byte in text)),
            st.sampled_from("ABCD"),
            amounts,
            st.integers(100, 5_000),
            st.integers(-9, 9),
        ),
        min_size=1,
        max_size=5,
    ),
    amounts,
)
def test_both_readings_come_to_the_same_cents(lines: list[tuple[bytes, str, int, int, int]], card: int) -> None:
    till, total = Till(), 0
    till.do(ask.Open())
    for text, vat, unit, quantity, change in lines:
        row = (unit * quantity + 500) // 1000
        if row + change <= 0:
            continue
        total += row + change
        till.do(ask.Sale(text, vat, unit, quantity, max(-change, 0), max(change, 0)))
        assert till.value(ask.ReadSubtotal(), Subtotal).cents == total
        assert till.value(ask.ReadSubtotal(1), Subtotal).cents == total
    if total <= 1:
        return
    card = card % (total - 1) + 1
    till.do(ask.Pay(Payment.CARD, card))
    assert till.transaction().paid_cents == card
    assert till.transaction().amount_cents == total
    till.do(ask.Pay(Payment.CASH, total - card), ask.Close())
    assert till.day().sold_cents == total == till.device.documents[0].total_cents
