"""The dialect of Datecs version 2 against a simulated device that was written apart from it, out of the same document:
what the one sends, the other understands, and what that says is what it did."""

from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Payment, Reversal, ReversalReason
from drivers.fiscal import operations as ask
from drivers.fiscal.datecs_v2_dialect import DatecsV2
from drivers.fiscal.datecs_v2_family import DATECS_V2
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.families import Sign
from drivers.fiscal.frames import Answer, Event
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import Cash, Day, DeviceClock, Identity, Last, Paid, Rates, Said, Stage, Subtotal, Transaction
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_faults import FaultKind
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS

V = TypeVar("V")

NSALE = "DT000800-0001-0000017"
COFFEE = ask.Sale(b"Kafija", "A", 250, 2000, discount_cents=50)
BOOK = ask.Sale(b"Gr\xe2mata", "C", 990, 1000, surcharge_cents=10)


class Till:
    """One dialect and one device. A command is one frame, and its answer is the one with its SEQ and command."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.device = Device(MODELS["datecs-v2"], now=self.clock.datetime)
        self.endpoint = endpoint("datecs-v2", self.device)
        self._line = MemoryLine(self.endpoint, self.clock)
        self._seq = 0x20
        unknown = DatecsV2(DATECS_V2, Clerk("1", "", "24"))
        self.dialect = unknown
        self.identity = self.value(ask.Identify(), Identity)
        self.dialect = unknown.known(self.identity)

    def send(self, operation: Operation) -> Answer:
        command, data = self.dialect.request(operation)
        self._seq = 0x20 + (self._seq - 0x1F) % 0xE0
        self._line.send(self.dialect.framing.encode(self._seq, command, data))
        return self.receive(command)

    def again(self, operation: Operation) -> Answer:
        """The same frame once more, as after silence."""
        command, data = self.dialect.request(operation)
        self._line.send(self.dialect.framing.encode(self._seq, command, data))
        return self.receive(command)

    def receive(self, command: int) -> Answer:
        parser, events = self.dialect.framing.parser(), list[Event]()
        while came := self._line.receive(0.5):
            events += parser.feed(came)
        events += parser.expire()
        awaited = [event for event in events if isinstance(event, Answer) and event.seq == self._seq]
        assert awaited
        assert all(answer == awaited[0] and answer.command == command for answer in awaited)
        return awaited[0]

    def said(self, operation: Operation) -> Said:
        return self.dialect.said(operation, self.send(operation))

    def do(self, *operations: Operation) -> None:
        for operation in operations:
            told = self.said(operation)
            assert (told.refused, told.code) == ("", ""), operation

    def value(self, operation: Operation, kind: type[V]) -> V:
        told = self.said(operation)
        assert told.refused == ""
        assert isinstance(told.value, kind)
        return told.value

    def refused(self, operation: Operation) -> str:
        told = self.said(operation)
        assert told.refused
        assert told.value is None
        return told.code

    def day(self) -> tuple[str, int | None, int | None]:
        parts = [self.value(ask.ReadDay(part), Day) for part in range(self.dialect.reads_day)]
        return parts[0].z_number, parts[1].sold_cents, parts[2].returned_cents

    def receipt(self, cents: int = 1320) -> Last:
        self.do(ask.Open(), ask.Sale(b"Prece", "A", cents, 1000), ask.Pay(Payment.CASH, cents))
        return self.value(ask.Close(), Last)


def test_the_device_is_known() -> None:
    till = Till()
    model = MODELS["datecs-v2"]
    assert till.identity == Identity(model.name, model.firmware, model.serial, model.fiscal_memory)


def test_rates_clock_and_cash_are_read_and_written() -> None:
    till = Till()
    assert till.value(ask.ReadRates(), Rates).rates == {"A": 2100, "B": 1200, "C": 500, "D": 0}
    for summer in (False, True):
        till.do(ask.WriteClock("2027-06-01T08:00:00", summer))
        assert till.value(ask.ReadClock(), DeviceClock).device_time == "2027-06-01T08:00:00"
    assert till.value(ask.MoveCash(10_000), Cash) == Cash(10_000)
    assert till.value(ask.MoveCash(-2_550), Cash) == Cash(7_450)
    assert till.refused(ask.MoveCash(-7_451)) == "-111017"
    assert till.value(ask.ReadCash(), Cash) == Cash(7_450)
    assert len(till.device.documents) == 2


def test_a_receipt_from_open_to_its_number() -> None:
    till = Till()
    assert till.value(ask.ReadLast(), Last) == Last("0")
    assert Sign.RECEIPT_OPEN in till.said(ask.Open(NSALE)).signs
    till.do(ask.Text(b"Nr. k-1"), COFFEE, BOOK)
    assert till.value(ask.ReadLast(), Last) == Last("")
    assert till.value(ask.ReadTransaction(), Transaction) == Transaction(Stage.OPEN, False, 2, 1450, 0)
    assert till.value(ask.ReadSubtotal(), Subtotal).cents == 1450
    till.do(ask.AdjustSubtotal(-150), ask.AdjustSubtotal(20))
    assert till.value(ask.ReadSubtotal(), Subtotal).cents == 1320
    assert till.value(ask.Pay(Payment.CARD, 320), Paid) == Paid(1000, 0)
    assert till.value(ask.ReadTransaction(), Transaction) == Transaction(Stage.PAYING, False, 2, 1320, 320)
    assert till.value(ask.Pay(Payment.CASH, 1500), Paid) == Paid(0, 500)
    assert till.value(ask.ReadTransaction(), Transaction).stage is Stage.PAID
    closed = till.value(ask.Close(), Last)
    assert closed == Last("1") == till.value(ask.ReadLast(), Last)
    after = till.value(ask.ReadTransaction(), Transaction)
    assert (after.stage, after.items, after.amount_cents) == (Stage.NONE, 2, 1320)
    assert till.value(ask.ReadCash(), Cash) == Cash(1000)
    (paper,) = till.device.documents
    assert (paper.total_cents, paper.payments) == (1320, (("credit", 320), ("cash", 1500)))
    assert [f"sale {NSALE}", "Nr. k-1"] == list(paper.lines[:2])


def test_exactly_paid_is_neither_due_nor_change() -> None:
    till = Till()
    till.do(ask.Open(), COFFEE)
    assert till.value(ask.Pay(Payment.CHEQUE, 450), Paid) == Paid(0, 0)


@pytest.mark.parametrize("reason", ReversalReason)
def test_a_reversal_names_what_the_receipt_was_told_to_be(reason: ReversalReason) -> None:
    till = Till()
    number = till.receipt().number
    when = till.value(ask.ReadClock(), DeviceClock).device_time
    till.do(ask.OpenReversal(Reversal(number, reason, when, till.identity.fiscal_memory), NSALE))
    till.do(ask.Sale(b"Prece", "A", 1320, 1000))
    assert till.value(ask.ReadTransaction(), Transaction) == Transaction(Stage.OPEN, True, 1, 1320, 0)
    assert till.value(ask.Pay(Payment.CASH, 1320), Paid) == Paid(0, 0)
    assert till.value(ask.Close(), Last) == Last("2")
    assert till.day() == ("0", 1320, 1320)
    assert till.value(ask.ReadCash(), Cash) == Cash(0)
    assert (
        f"reversal ({reason.value}) of {number.zfill(7)} {when} {till.identity.fiscal_memory}"
        in till.device.documents[-1].lines
    )


def test_x_and_z_reports_and_the_day() -> None:
    till = Till()
    assert till.day() == ("0", 0, 0)
    till.receipt(1000)
    till.receipt(250)
    assert till.value(ask.PrintDay(z=False), Day) == Day("", 1250, 0)
    assert till.day() == ("0", 1250, 0)
    assert till.value(ask.PrintDay(z=True), Day) == Day("1", 1250, 0)
    assert till.day() == ("1", 0, 0)
    till.receipt(70)
    assert till.day() == ("1", 70, 0)
    assert till.value(ask.PrintDay(z=True), Day) == Day("2", 70, 0)
    kinds = [document.kind.value for document in till.device.documents]
    assert kinds == ["sale", "sale", "x", "z", "sale", "z"]


def test_numbers_go_on_over_a_z_report() -> None:
    till = Till()
    before = int(till.receipt().number)
    till.do(ask.PrintDay(z=True))
    assert int(till.receipt().number) > before


def test_slips_and_copies() -> None:
    till = Till()
    assert Sign.SERVICE_OPEN in till.said(ask.OpenSlip()).signs
    assert till.value(ask.ReadTransaction(), Transaction) == Transaction(Stage.NONE)
    assert till.value(ask.ReadLast(), Last) == Last("")
    till.do(ask.SlipLine(b"Labdien"), ask.CloseSlip())
    till.receipt()
    till.do(ask.CopyLast())
    assert [document.kind.value for document in till.device.documents] == ["slip", "sale", "copy"]
    assert "Labdien" in till.device.documents[0].lines


def test_cancelled_before_payment_and_never_after() -> None:
    till = Till()
    till.do(ask.Open(), COFFEE)
    told = till.said(ask.Cancel())
    assert (told.refused, Sign.RECEIPT_OPEN in told.signs) == ("", False)
    till.do(ask.Open(), COFFEE, ask.Pay(Payment.CASH, 100))
    assert till.refused(ask.Cancel()) == "-111018"
    assert till.refused(COFFEE) == "-111018"
    assert till.refused(ask.ReadSubtotal()) == "-111018"
    assert till.day() == ("0", 0, 0)


@pytest.mark.parametrize(
    ("before", "operation", "code"),
    [
        ((), ask.Pay(Payment.CASH, 100), "-111016"),
        ((), ask.Close(), "-111016"),
        ((), COFFEE, "-111016"),
        ((ask.Open(),), ask.Open(), "-111015"),
        ((ask.Open(),), ask.PrintDay(z=True), "-111015"),
        ((ask.OpenSlip(),), ask.Open(), "-111046"),
        ((ask.Open(),), ask.Sale(b"a", "H", 100, 1000), "-111005"),
        ((ask.Open(), COFFEE), ask.Pay(Payment.CARD, 451), "-111054"),
        ((ask.Open(), ask.Sale(b"a", "A", 1, 1000, discount_cents=1)), ask.Pay(Payment.CASH, 1), "-111065"),
    ],
)
def test_what_the_device_refuses_is_told_by_its_code(
    before: tuple[Operation, ...], operation: Operation, code: str
) -> None:
    till = Till()
    till.do(*before)
    assert till.refused(operation) == code


def test_a_wrong_password_opens_nothing() -> None:
    till = Till()
    till.dialect = DatecsV2(DATECS_V2, Clerk("1", "4321", "24"))
    assert till.refused(ask.Open()) == "-102002"


def test_the_day_is_over_after_24_hours() -> None:
    till = Till()
    till.receipt()
    till.device.jump_clock(24 * 3600 + 60)
    told = till.said(ask.Open())
    assert (told.code, Sign.DAY_OVER in told.signs) == ("-111024", True)
    till.do(ask.PrintDay(z=True), ask.Open())


@pytest.mark.parametrize(
    ("kind", "sign", "code"),
    [(FaultKind.PAPER_OUT, Sign.PAPER_OUT, "-112006"), (FaultKind.COVER, Sign.COVER_OPEN, "-112007")],
)
def test_paper_and_cover_in_the_middle_hold_and_change_nothing(kind: FaultKind, sign: Sign, code: str) -> None:
    till = Till()
    till.do(ask.Open(), COFFEE)
    till.endpoint.fault(kind)
    told = till.said(BOOK)
    assert (told.code, sign in told.signs) == (code, True)
    assert sign in till.said(ask.ReadStatus()).signs
    assert till.value(ask.ReadTransaction(), Transaction).items == 1
    till.device.has_paper, till.device.cover_open = True, False
    till.do(BOOK)
    assert till.value(ask.ReadTransaction(), Transaction).items == 2


def test_an_error_in_data_alone_is_a_refusal() -> None:
    till = Till()
    till.do(ask.Open(), COFFEE)
    till.endpoint.fault(FaultKind.ERROR_IN_DATA)
    told = till.said(ask.Pay(Payment.CASH, 450))
    assert told.refused
    assert told.signs == {Sign.RECEIPT_OPEN}
    assert till.value(ask.ReadTransaction(), Transaction).stage is Stage.OPEN


@pytest.mark.parametrize("kind", [FaultKind.JUNK, FaultKind.DUPLICATE, FaultKind.STALE, FaultKind.BYTEWISE])
def test_the_answer_is_found_in_what_else_comes(kind: FaultKind) -> None:
    till = Till()
    till.do(ask.Open(), COFFEE)
    till.endpoint.fault(kind)
    assert till.value(ask.ReadSubtotal(), Subtotal).cents == 450
    assert till.value(ask.ReadTransaction(), Transaction).items == 1


def test_a_frame_that_is_sent_again_is_carried_out_once() -> None:
    till = Till()
    till.do(ask.Open())
    first = till.send(COFFEE)
    assert till.again(COFFEE) == first
    assert till.value(ask.ReadTransaction(), Transaction).items == 1


lines = st.builds(
    ask.Sale,
    text=st.just(b"Prece"),
    vat=st.sampled_from("ABCD"),
    unit_cents=st.integers(1, 99_999),
    quantity=st.integers(1, 20_000),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(lines, st.integers(-100, 100)), min_size=1, max_size=8), st.integers(-50, 50))
def test_sums_agree_to_the_cent(sold: list[tuple[ask.Sale, int]], adjusted: int) -> None:
    """A row is price times quantity, half a cent up, less its discount; the device counts the same."""
    till, total = Till(), 0
    till.do(ask.Open())
    for line, percent in sold:
        row = (line.unit_cents * line.quantity + 500) // 1000
        change = row * percent // 100
        line = ask.Sale(line.text, line.vat, line.unit_cents, line.quantity, -min(change, 0), max(change, 0))
        till.do(line)
        total += row + change
    if adjusted and total + adjusted > 0 and not till.said(ask.AdjustSubtotal(adjusted)).refused:
        total += adjusted
    assert till.value(ask.ReadSubtotal(), Subtotal).cents == total
    if total:
        assert till.value(ask.Pay(Payment.CASH, total + 5), Paid) == Paid(0, 5)
        till.do(ask.Close())
        assert till.day() == ("0", total, 0)
