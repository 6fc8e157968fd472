"""A fiscal device's messages and the model: what fits becomes a value, all else is refused; nothing else escapes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import printer
from drivers.contract.codec import BadMessage, raw
from gateway.devices import convert_printer as convert
from gateway.model.fiscal import (
    AdjustLine,
    Baseline,
    CashWork,
    NoteLine,
    Payment,
    PrinterDescription,
    PrinterStatus,
    PrintOutcome,
    PrintResult,
    ReceiptWork,
    ReportWork,
    Reversal,
    ReversalReason,
    SaleLine,
    Tender,
    VatSum,
    WorkPoint,
    WorkStep,
)

BREAD = SaleLine("Bread", "A", 150, 2000, 30)
WORK = ReceiptWork("key-1", (BREAD,), (Tender(Payment.CARD, 270),), 270)


def test_a_receipt_becomes_the_contracts() -> None:
    back = Reversal("41", ReversalReason.ERROR, "2026-11-27T10:02:41", "02000042")
    asked = ReceiptWork(
        "key-1",
        (BREAD, NoteLine("Thanks", footer=True), AdjustLine(-10, "A")),
        (Tender(Payment.BANK, 200), Tender(Payment.CASH, 60)),
        260,
        back,
        rounding_cents=-1,
        sale_number="S-1",
    )
    assert convert.work(asked) == printer.Print(
        key="key-1",
        items=(
            printer.Line("Bread", "A", 150, 2000, 30),
            printer.Note("Thanks", True),
            printer.Adjust(-10, "A"),
        ),
        tenders=(printer.Tender(printer.Payment.BANK, 200), printer.Tender(printer.Payment.CASH, 60)),
        total_cents=260,
        reversal=printer.Reversal("41", printer.ReversalReason.ERROR, "2026-11-27T10:02:41", "02000042"),
        rounding_cents=-1,
        sale_number="S-1",
    )


def test_reports_and_movements_of_cash_become_the_contracts() -> None:
    assert convert.work(ReportWork("z-1", z=True)) == printer.DayReport("z-1", True)
    assert convert.work(CashWork("c-1", -500)) == printer.CashMove("c-1", -500)


def test_each_means_of_the_contract_is_one_of_ours() -> None:
    assert [means.value for means in Payment] == [means.value for means in printer.Payment]


@pytest.mark.parametrize(
    ("work", "where"),
    [
        (msgspec.structs.replace(WORK, items=()), "$.items"),
        (msgspec.structs.replace(WORK, items=(BREAD,) * 513), "$.items"),
        (msgspec.structs.replace(WORK, items=(SaleLine("Bread", "A", 150, 1000, -1),)), "$.items[0].discount_cents"),
        (msgspec.structs.replace(WORK, items=(SaleLine("Bread", "A", 0),)), "$.items[0].unit_cents"),
        (msgspec.structs.replace(WORK, items=(BREAD, SaleLine("Bread", "I", 1))), "$.items[1].vat"),
        (msgspec.structs.replace(WORK, tenders=(Tender(Payment.CASH, 1),) * 9), "$.tenders"),
        (msgspec.structs.replace(WORK, total_cents=-1), "$.total_cents"),
    ],
)
def test_a_work_that_the_contract_cannot_say_is_refused_with_its_field(work: ReceiptWork, where: str) -> None:
    with pytest.raises(BadMessage) as refused:
        convert.work(work)
    assert where in str(refused.value)


def test_steps_and_outcomes_belong_to_their_work() -> None:
    point = printer.PrintStep("key-1", printer.PrintPoint.CLOSED, number="42")
    assert convert.step(WORK, raw(point)) == WorkStep("key-1", WorkPoint.CLOSED, number="42")
    done = printer.Outcome(
        "key-1", printer.Result.PRINTED, "42", 270, device_time="2026-11-27T10:02:41", z_number="7",
        vat=(printer.VatSum("A", 270, 2100, 47),),
    )  # fmt: skip
    assert convert.outcome(WORK, raw(done)) == PrintOutcome(
        "key-1",
        PrintResult.PRINTED,
        "42",
        270,
        device_time="2026-11-27T10:02:41",
        z_number="7",
        vat=(VatSum("A", 270, 2100, 47),),
    )
    with pytest.raises(BadMessage):
        convert.step(WORK, raw(printer.PrintStep("key-2", printer.PrintPoint.CLOSED)))
    with pytest.raises(BadMessage):
        convert.outcome(WORK, raw(printer.Outcome("key-2", printer.Result.PRINTED)))


def test_the_counters_before_a_work_come_back_as_they_were_told() -> None:
    before = printer.Baseline("41", "7", 1000, 2000, 0, "DT000001")
    step = convert.step(WORK, raw(printer.PrintStep("key-1", printer.PrintPoint.INTENT, before)))
    assert step.baseline == Baseline("41", "7", 1000, 2000, 0, "DT000001")
    settle = convert.settle(WORK, step.point, step.baseline)
    assert (settle.point, settle.baseline, settle.work) == (printer.PrintPoint.INTENT, before, convert.work(WORK))


def test_of_a_work_of_which_nothing_was_sent_there_is_nothing_to_find_out() -> None:
    with pytest.raises(BadMessage):
        convert.settle(WORK, WorkPoint.RECORDED, Baseline())


def test_a_status_and_a_description_come_whole() -> None:
    said = printer.PrinterStatus(True, False, True, "41", ("paper low",), "7", "2026-11-27T10:02:41", 500)
    assert convert.status(raw(said)) == PrinterStatus(
        True, False, True, "41", ("paper low",), "7", "2026-11-27T10:02:41", 500
    )
    what = printer.Description("datecs-v1-a", "Datecs", "FP-2000", payments=(printer.Payment.CASH,), rates={"A": 2100})
    assert convert.description(raw(what)) == PrinterDescription(
        "datecs-v1-a", "Datecs", "FP-2000", payments=(Payment.CASH,), rates={"A": 2100}
    )


@pytest.mark.parametrize("rates", [{"AB": 2100}, {"A": -1}, {"A": 10_001}])
def test_a_rate_that_no_device_has_is_refused(rates: dict[str, int]) -> None:
    with pytest.raises(BadMessage):
        convert.description(raw(printer.Description("f", "m", "x", rates=rates)))


BODIES = st.binary(max_size=200) | st.fixed_dictionaries(
    {},
    optional={
        "result": st.sampled_from(["outcome", "printer_status", "description", "raw_answer", "moon"]),
        "key": st.sampled_from(["key-1", "key-2", ""]),
        "point": st.sampled_from(["intent", "closed", "nowhere"]),
        "outcome": st.sampled_from(["printed", "unknown", "perhaps"]),
        "number": st.text(max_size=80),
        "baseline": st.none() | st.dictionaries(st.sampled_from(["number", "cash_cents", "serial"]), st.integers()),
        "ready": st.booleans(),
        "paper": st.booleans(),
        "open_receipt": st.booleans(),
        "problems": st.lists(st.text(max_size=5), max_size=40),
        "cash_cents": st.none() | st.integers(),
        "family": st.text(max_size=80),
        "manufacturer": st.text(max_size=5),
        "model": st.text(max_size=5),
        "rates": st.dictionaries(st.text(max_size=2), st.integers()),
        "payments": st.lists(st.sampled_from(["cash", "shells"])),
        "data": st.just("eA==") | st.text(max_size=8),
    },
).map(msgspec.json.encode)


@given(BODIES)
def test_any_body_is_understood_or_refused(body: bytes) -> None:
    parsers = (
        lambda b: convert.step(WORK, b),
        lambda b: convert.outcome(WORK, b),
        convert.status,
        convert.description,
        convert.raw_answer,
    )
    for parse in parsers:
        try:
            parse(msgspec.Raw(body))
        except BadMessage:
            continue
