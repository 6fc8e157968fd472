"""Works of every family on a line in memory: what is on paper, what is kept, what is said of the line."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import (
    Adjust,
    CashMove,
    Item,
    Line,
    Note,
    Payment,
    Print,
    PrintPoint,
    Result,
    Reversal,
    Settle,
    Tender,
    Work,
)
from drivers.driver import DeviceError
from drivers.fiscal.families import Sign
from drivers.fiscal.link import Pace
from drivers.fiscal.moves import Ask, Lost
from drivers.fiscal.operations import Identify, ReadDay, ReadLast
from drivers.fiscal.said import Day, Last
from drivers.fiscal.wire import Timing
from tests.drivers.fiscal_bench import CASH, FAMILIES, GIVEN_BACK, KEY, SALE, THREE, Bench, X, Z

family = pytest.mark.parametrize("family", FAMILIES)


@family
def test_sale_on_paper(family: str) -> None:
    bench = Bench(family, line_ms=5)
    outcome = bench.do(SALE)
    assert (outcome.outcome, outcome.total_cents, outcome.change_cents) == (Result.PRINTED, 1390, 1000)
    (document,) = bench.device.documents
    assert int(outcome.number) == int(document.number)
    assert (document.key, document.total_cents, document.closed) == (KEY, 1390, True)
    card = "credit" if family == "datecs-v2" else "card"  # its mode 1 is any card that a terminal has charged
    assert document.payments == ((card, 390), ("cash", 2000))
    assert outcome.device_time[:13] == document.device_time[:13]
    assert outcome.fiscal_memory == bench.device.model.fiscal_memory
    assert bench.points == list(PrintPoint)
    assert bench.baseline.serial == bench.device.model.serial


@family
def test_notes_stand_where_they_belong(family: str) -> None:
    bench = Bench(family)
    assert bench.do(THREE).outcome is Result.PRINTED
    lines = bench.device.documents[0].lines
    at = {
        text: next(at for at, line in enumerate(lines) if text in line)
        for text in ("Nr.", "Coffee", "Hello", "Book", "paid", "Come")
    }
    assert list(at) == sorted(at, key=lambda text: at[text])


@family
def test_amount_off_the_subtotal_and_rounding(family: str) -> None:
    bench = Bench(family)
    work = Print(
        KEY,
        (Line("Tea", "A", 1000, 1000), Note("x"), Adjust(-8, "A")),
        (Tender(Payment.CASH, 1000),),
        992,
        rounding_cents=-2,
    )
    outcome = bench.do(work)
    if Payment.RESERVED1 not in bench.works.wire.dialect.family.payments:
        assert (outcome.code, outcome.where) == ("rounding_not_set", "rounding_cents")
        assert bench.endpoint.executed[-1] != 48
        return
    assert (outcome.outcome, outcome.change_cents) == (Result.PRINTED, 10)
    assert sum(cents for _, cents in bench.device.documents[0].payments) == 1002


@family
def test_what_is_refused_leaves_the_device_idle(family: str) -> None:
    bench = Bench(family)
    executed = len(bench.endpoint.executed)
    for work in (
        msgspec.structs.replace(SALE, total_cents=1391),
        msgspec.structs.replace(SALE, tenders=()),
        msgspec.structs.replace(SALE, items=(Line("a\tb", "A", 100, 1000),)),
        msgspec.structs.replace(SALE, items=(Line("a", "H", 100, 1000),)),
        msgspec.structs.replace(SALE, items=(Line("a", "A", 0, 1000),)),
        msgspec.structs.replace(SALE, items=(Line("a", "A", 1, 1000),) * 513),
    ):
        outcome = bench.do(work)
        assert outcome.outcome is Result.REFUSED
        assert outcome.where
        assert outcome.advice
    assert len(bench.endpoint.executed) == executed
    assert bench.steps == []


@family
def test_reports_and_cash(family: str) -> None:
    bench = Bench(family)
    bench.do(msgspec.structs.replace(SALE, key="k-0"))
    bench.steps.clear()
    assert bench.do(CASH).outcome is Result.PRINTED
    assert bench.points == [PrintPoint.INTENT, PrintPoint.CLOSED]
    assert bench.baseline.cash_cents == 1000
    assert bench.do(msgspec.structs.replace(X, key="x")).outcome is Result.PRINTED
    outcome = bench.do(msgspec.structs.replace(Z, key="z"))
    assert (outcome.outcome, int(outcome.z_number)) == (Result.PRINTED, 1)
    taken = bench.do(msgspec.structs.replace(CASH, key="too much", cents=-999_999))
    assert (taken.outcome, taken.code) == (Result.REFUSED, "not_enough_cash")


@family
def test_day_that_is_over_is_told_as_that(family: str) -> None:
    bench = Bench(family)
    assert bench.do(msgspec.structs.replace(SALE, key="k-0")).outcome is Result.PRINTED
    bench.clock.advance(25 * 3600)
    outcome = bench.do(SALE)
    assert outcome.outcome is Result.REFUSED
    assert outcome.code == ("open_refused" if family == "datecs-v1b" else "z_overdue")
    assert "Z report" in outcome.advice
    assert bench.do(Z).outcome is Result.PRINTED


@family
def test_paper_that_ends_in_the_middle_holds_the_receipt_until_it_is_back(family: str) -> None:
    bench = Bench(family)
    bench.endpoint.fault("paper_out", on="pay")
    clock = bench.clock
    told: list[float] = []

    def refill(signs: tuple[Sign, ...]) -> None:
        bench.held.append(signs)
        told.append(clock())

    bench.works._held = refill
    waits = bench.works._wait

    def wait(seconds: float) -> None:
        waits(seconds)
        if clock() - told[0] > 90:
            bench.put_right()

    bench.works._wait = wait
    outcome = bench.do(SALE)
    assert outcome.outcome is Result.PRINTED
    assert bench.held[0] == (Sign.PAPER_OUT,)
    assert bench.held[-1] == ()
    assert told[-1] - told[0] > 60  # beyond the deadline: a half-paid receipt helps nobody


def test_key_comes_once_in_a_process() -> None:
    bench = Bench("datecs-v1")
    assert bench.do(SALE).outcome is Result.PRINTED
    assert bench.do(SALE).code == "key_used"
    assert bench.settle(SALE).outcome is Result.PRINTED
    for number in range(300):
        bench.do(msgspec.structs.replace(SALE, key=f"other-{number}"))
    assert len(bench.works._known) == 256


def test_settled_receipt_that_cannot_be_planned_any_more_is_unknown() -> None:
    bench = Bench("datecs-v1")
    impossible = msgspec.structs.replace(SALE, total_cents=1)
    bench.do(SALE)
    bench.restart()
    outcome = bench.works.settle(Settle(impossible, PrintPoint.CLOSING, bench.baseline))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "counters_differ")
    assert bench.works.unknown == 1


def test_settling_does_not_ask_for_letters_that_were_in_use_then() -> None:
    bench = Bench("datecs-v1")
    bench.do(SALE)
    bench.restart()
    bench.device.rates.pop("C")
    assert bench.settle(SALE).outcome is Result.PRINTED


@family
def test_another_device_at_the_cable_is_not_believed(family: str) -> None:
    bench, other = Bench(family), Bench(family)
    bench.endpoint.fault("silence", on="close")
    assert bench.do(SALE).outcome is Result.UNKNOWN
    other.device.model = msgspec.structs.replace(
        other.device.model, serial="DT000999" if family != "tremol" else "ZK000999"
    )
    other.restart()
    outcome = other.works.settle(Settle(SALE, bench.steps[-1].point, bench.baseline))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "other_device")


def test_device_of_another_family_is_asked_nothing_more() -> None:
    bench = Bench("tremol")
    bench.device.model = msgspec.structs.replace(bench.device.model, name="TREMOL M-KL-V2")
    executed = len(bench.endpoint.executed)
    with pytest.raises(DeviceError) as error:
        bench.works.open()
    assert error.value.problem.code == "wrong_family"
    assert bench.endpoint.executed[executed:] == [0x21]


def test_what_the_line_is_like_is_counted() -> None:
    bench = Bench("datecs-v1", line_ms=100)
    bench.endpoint.fault("drop_answer", on="sell")
    bench.endpoint.fault("nak", on="pay")
    bench.endpoint.fault("stale", on="close")
    assert bench.do(SALE).outcome is Result.PRINTED
    counters = bench.works.wire.counters
    assert (counters.resends, counters.naks, counters.stale, counters.lost) == (2, 1, 1, 0)
    assert counters.busy_s > 0.5


def test_frames_are_kept_without_the_password() -> None:
    bench = Bench("datecs-v1")
    bench.do(SALE)
    frames = bench.works.wire.frames.lines()
    assert any(" > " in line for line in frames)
    assert any(" < " in line for line in frames)
    assert not any(b"0000,1".hex(" ") in line for line in frames if " > " in line)
    assert any(b"*****".hex(" ") in line for line in frames)
    assert any(b"Coffee".hex(" ") in line for line in frames)


def test_sequence_goes_on_over_a_new_opening() -> None:
    """The device must not take the first frame behind an opening for the last one before it."""
    bench = Bench("datecs-v1")
    for _ in range(200):
        bench.works.open()
    assert bench.endpoint.executed.count(90) == 201


@family
def test_line_that_is_not_open_is_told(family: str) -> None:
    bench = Bench(family)
    bench.works.close()
    lost = bench.works.wire.ask(Ask(ReadLast()))
    assert isinstance(lost, Lost)
    with pytest.raises(DeviceError) as error:
        bench.works.wire.value(ReadLast(), Last)
    assert error.value.problem.code == "port_gone"
    with pytest.raises(DeviceError):
        bench.works.wire.send(74, b"")
    with pytest.raises(DeviceError):
        bench.do(SALE)


def test_answers_that_the_protocol_does_not_know_are_no_answers() -> None:
    bench = Bench("datecs-v1")
    wire = bench.works.wire
    real = wire.dialect.said
    wire.dialect.said = lambda operation, answer: real(ReadLast(), answer)  # type: ignore[method-assign]
    lost = wire.ask(Ask(ReadDay(1)))
    assert isinstance(lost, Lost)
    assert lost.trouble == "strange_answer"
    with pytest.raises(DeviceError) as error:
        wire.open()
    assert error.value.problem.code == "strange_answer"


def test_device_that_does_not_say_who_it_is() -> None:
    bench = Bench("datecs-v1")
    bench.endpoint.fault("refuse", command=90)
    bench.works.open()  # asked once more, with its status in between
    assert bench.endpoint.executed[-3:] == [90, 74, 90]
    bench.endpoint.fault("refuse", command=90)
    bench.endpoint.fault("refuse", command=90)
    with pytest.raises(DeviceError) as error:
        bench.works.open()
    assert error.value.problem.code == "strange_answer"
    bench.works.open()
    assert bench.works.wire.value(ReadDay(0), Day) == Day("0000")
    assert bench.works.wire.value(Identify(), Day) is None


def test_later_part_of_who_it_is_that_is_refused_is_left_out() -> None:
    bench = Bench("tremol")
    bench.endpoint.fault("refuse", command=0x60)
    assert bench.works.open().model == bench.device.model.name
    bench.endpoint.fault("silence", command=0x61)
    with pytest.raises(DeviceError):
        bench.works.open()


def test_port_that_vanishes_while_it_is_opened_is_told() -> None:
    bench = Bench("datecs-v1")
    bench.endpoint.pull(bench.clock(), 5.0)
    with pytest.raises(DeviceError) as error:
        bench.works.open()
    assert error.value.problem.code == "port_gone"


def test_long_report_is_waited_for() -> None:
    bench = Bench("datecs-v1", line_ms=3000, timing=Timing(Pace(0.5, 3, 5.0), 180.0, 300.0))
    assert bench.do(Z).outcome is Result.PRINTED
    assert bench.clock() > 60


def test_number_of_what_is_given_back_that_the_family_cannot_say_is_refused() -> None:
    bench = Bench("tremol")
    assert GIVEN_BACK.reversal is not None
    too_long = msgspec.structs.replace(GIVEN_BACK.reversal, number="1234567")
    outcome = bench.do(msgspec.structs.replace(GIVEN_BACK, reversal=too_long))
    assert (outcome.outcome, outcome.code, outcome.where) == (Result.REFUSED, "reversal_unclear", "reversal.number")
    assert bench.steps == []


# Before anything is begun ----------------------------------------------------------------------------------

DRAWER = 10**7
cents = st.one_of(
    st.integers(0, 10**10),
    st.sampled_from([1, 5, 99_999, 999_999, 1_000_000, 99_999_999, 100_000_000, 999_999_999, 1_000_000_000]),
)
texts = st.one_of(
    st.text(max_size=80),
    st.text(st.sampled_from("aā;|€x „漢\t"), min_size=1, max_size=44),
    st.builds(lambda number: "x" * number, st.integers(20, 74)),
)
items = st.one_of(
    st.builds(
        Line,
        texts,
        st.sampled_from("ABCH"),
        cents,
        st.one_of(st.just(1000), st.integers(-1, 10**9)),
        st.one_of(st.just(0), cents),
        st.one_of(st.just(0), cents),
    ),
    st.builds(Line, st.just("Coffee"), st.just("A"), st.integers(1, 10_000), st.just(1000)),
    st.builds(Note, texts, st.booleans()),
    st.builds(Adjust, st.integers(-(10**9), 10**9), st.sampled_from(["", "A", "C"])),
)
reversals = st.builds(
    Reversal,
    st.text(st.sampled_from("0123456789a;"), min_size=1, max_size=9),
    device_time=st.sampled_from(["", "2026-11-27T08:00:00", "2026-02-30T08:00:00", "2026-11-27T08:00", "x"]),
    fiscal_memory=st.text(st.sampled_from("0123456789Z,"), max_size=9),
)


@st.composite
def receipts(draw: st.DrawFn) -> Print:
    """Of anything; mostly with the sum that its lines make, and paid."""
    lines: list[Item] = draw(st.lists(items, min_size=1, max_size=4))
    total = 0
    for item in lines:
        match item:
            case Line(unit_cents=unit, quantity=quantity, discount_cents=less, surcharge_cents=more):
                total += (unit * quantity + 500) // 1000 - less + more
            case Adjust(cents=change):
                total += change
    means = draw(st.sampled_from(Payment))
    tenders = draw(st.sampled_from([(Tender(means, total),), (Tender(Payment.CASH, total + 5),), ()]))
    rounding = draw(st.sampled_from([0, 0, 0, -2, 2]))
    reversal = draw(st.one_of(st.none(), reversals))
    sale = draw(st.sampled_from(["", "", "DT000600-OP01-0001000", "x" * 30, "ā"]))
    return Print(draw(st.sampled_from([KEY, "x" * 32, "k 1"])), tuple(lines), tenders, total, reversal, rounding, sale)


works = st.one_of(receipts(), receipts(), st.builds(CashMove, st.just(KEY), st.integers(-DRAWER, 10**10)))


@family
@settings(max_examples=60, deadline=None)
@given(work=works)
def test_what_is_refused_is_what_was_said_before_and_what_was_not_is_printed(family: str, work: Work) -> None:
    bench = Bench(family)
    bench.device.memory.cash = DRAWER
    before = len(bench.endpoint.executed)
    said = bench.works.check(work)
    assert len(bench.endpoint.executed) == before
    outcome = bench.do(work)
    if said.code:
        assert (outcome.outcome, outcome.code, outcome.where) == (Result.REFUSED, said.code, said.where)
        assert outcome.reason == f"{said.code}: {said.reason}"
        assert (len(bench.endpoint.executed), bench.steps) == (before, [])
    else:
        assert outcome.outcome is Result.PRINTED, outcome
