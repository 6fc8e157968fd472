"""What the dialect of Datecs version 2 sends for each operation, and what it refuses to send."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Payment, Reversal, ReversalReason
from drivers.fiscal import operations as ask
from drivers.fiscal.datecs_v2_family import DATECS_V2, Shape
from drivers.fiscal.dialect import Dialect
from drivers.fiscal.operations import Operation
from tests.drivers.fiscal_v2 import NSALE, OPERATIONS, ORIGINAL, dialect
from tests.drivers.test_fiscal_v2_codec import V2


def test_it_is_a_dialect() -> None:
    spoken: Dialect = dialect()
    assert (spoken.family.name, spoken.tells_paid, spoken.reads_day) == ("datecs-v2", True, 3)


def test_every_operation_is_spoken_and_fits_into_a_frame() -> None:
    spoken = dialect()
    assert {type(operation) for operation in OPERATIONS} == set(Operation.__args__) - {ask.ReadError}
    assert not spoken.family.reads_error
    with pytest.raises(ValueError, match="its own answer"):
        spoken.request(ask.ReadError())
    for operation in OPERATIONS:
        command, data = spoken.request(operation)
        assert data.endswith(b"\t") or data in (b"", b"1")
        spoken.framing.encode(0x20, command, data)


@pytest.mark.parametrize(
    ("at", "seq", "operation"),
    [
        (0, 0x24, ask.SlipLine(b"Test")),
        (4, 0x30, ask.Pay(Payment.EXTERNAL_COUPON, 153)),
        (6, 0x31, ask.ReadClock()),
        (7, 0x21, ask.Identify()),
        (8, 0x20, ask.ReadStatus()),
        (10, 0x23, ask.AdjustSubtotal(-100)),
        (11, 0x24, ask.Close()),
    ],
)
def test_operation_makes_the_published_frame(at: int, seq: int, operation: Operation) -> None:
    spoken = dialect()
    assert spoken.framing.encode(seq, *spoken.request(operation)) == V2[at]


@pytest.mark.parametrize(
    ("operation", "command", "data"),
    [
        (ask.ReadTransaction(), 76, b""),
        (ask.ReadLast(), 76, b""),
        (ask.ReadDay(0), 64, b"0\t"),
        (ask.ReadDay(1), 65, b"0\t"),
        (ask.ReadDay(2), 65, b"2\t"),
        (ask.ReadCash(), 70, b"0\t0.00\t"),
        (ask.ReadRates(), 50, b""),
        (ask.Open(), 48, b"1\t0000\t24\t\t"),
        (ask.Open(NSALE), 48, b"1\t0000\tDT636533-0020-0010110\t24\t\t"),
        (ask.OpenReversal(ORIGINAL), 43, b"1\t0000\t24\t1\t472\t27-11-26 10:02:41\t02000123\t\t\t\t\t"),
        (
            ask.OpenReversal(ORIGINAL, NSALE),
            43,
            b"1\t0000\t24\t1\t472\t27-11-26 10:02:41\t02000123\t\t\t\tDT636533-0020-0010110\t",
        ),
        (ask.Text(b"Nr. k-1"), 54, b"Nr. k-1\t"),
        (ask.Sale(b"Coffee", "A", 250, 2000), 49, b"Coffee\t1\t2.50\t2.000\t0\t\t0\t"),
        (ask.Sale(b"\xcf\xee", "H", 5, 1, discount_cents=50), 49, b"\xcf\xee\t8\t0.05\t0.001\t4\t0.50\t0\t"),
        (ask.Sale(b"Bag", "B", 999_999_999, 1000, 0, 7), 49, b"Bag\t2\t9999999.99\t1.000\t3\t0.07\t0\t"),
        (ask.AdjustSubtotal(130), 51, b"1\t0\t3\t1.30\t"),
        (ask.ReadSubtotal(), 51, b"0\t0\t0\t\t"),
        (ask.Pay(Payment.CASH, 2000), 53, b"0\t20.00\t1\t"),
        (ask.Pay(Payment.CARD, 1320), 53, b"1\t13.20\t1\t"),
        (ask.Pay(Payment.CHEQUE, 1), 53, b"3\t0.01\t1\t"),
        (ask.Pay(Payment.COUPON, 100), 53, b"5\t1.00\t1\t"),
        (ask.Cancel(), 60, b""),
        (ask.PrintDay(z=False), 69, b"X\t"),
        (ask.PrintDay(z=True), 69, b"Z\t"),
        (ask.MoveCash(12_345), 70, b"0\t123.45\t"),
        (ask.MoveCash(-12_345), 70, b"1\t123.45\t"),
        (ask.WriteClock("2026-11-27T10:02:41"), 61, b"27-11-26 10:02:41\t"),
        (ask.WriteClock("2026-06-27T10:02:41", summer=True), 61, b"27-06-26 10:02:41 DST\t"),
        (ask.OpenSlip(), 38, b""),
        (ask.CloseSlip(), 39, b""),
        (ask.CopyLast(), 109, b""),
    ],
)
def test_request(operation: Operation, command: int, data: bytes) -> None:
    assert dialect().request(operation) == (command, data)


@pytest.mark.parametrize("reason", ReversalReason)
def test_reasons_of_a_reversal(reason: ReversalReason) -> None:
    _, data = dialect().request(ask.OpenReversal(Reversal("1", reason, ORIGINAL.device_time, "02000123")))
    assert data.split(b"\t")[3] == {"error": b"0", "refund": b"1", "tax_base": b"2"}[reason]


def test_a_reversal_may_name_its_number_with_leading_zeros() -> None:
    padded = Reversal("0000472", ORIGINAL.reason, ORIGINAL.device_time, ORIGINAL.fiscal_memory)
    assert dialect().request(ask.OpenReversal(padded)) == dialect().request(ask.OpenReversal(ORIGINAL))


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        (ask.Open("2026/17"), "sale_number"),
        (ask.OpenReversal(ORIGINAL, "x"), "sale_number"),
        (ask.OpenReversal(Reversal("", device_time="2026-11-27T10:02:41", fiscal_memory="1")), "reversal.number"),
        (ask.OpenReversal(Reversal("0", device_time="2026-11-27T10:02:41", fiscal_memory="1")), "reversal.number"),
        (
            ask.OpenReversal(Reversal("12345678", device_time="2026-11-27T10:02:41", fiscal_memory="1")),
            "reversal.number",
        ),
        (ask.OpenReversal(Reversal("472", fiscal_memory="02000123")), "reversal.device_time"),
        (ask.OpenReversal(Reversal("472", device_time="yesterday", fiscal_memory="1")), "reversal.device_time"),
        (ask.OpenReversal(Reversal("472", device_time="2026-11-27T10:02:41")), "reversal.fiscal_memory"),
        (
            ask.OpenReversal(Reversal("4", device_time="2026-11-27T10:02:41", fiscal_memory="a\tb")),
            "reversal.fiscal_memory",
        ),
        (ask.Sale(b"", "A", 250, 1000), "text"),
        (ask.Sale(b"two\tfields", "A", 250, 1000), "a field holds a control"),
        (ask.Sale(b"Coffee", "I", 250, 1000), "vat"),
        (ask.Sale(b"Coffee", "", 250, 1000), "vat"),
        (ask.Sale(b"Coffee", "AB", 250, 1000), "vat"),
        (ask.Sale(b"Coffee", "A", 250, 1000, 10, 10), "surcharge_cents"),
        (ask.AdjustSubtotal(0), "cents"),
        (ask.Pay(Payment.BANK, 100), "means"),
        (ask.MoveCash(0), "cents"),
        (ask.WriteClock("27-11-26 10:02:41"), "device_time"),
        (ask.ReadDay(3), "part"),
        (ask.ReadDay(-1), "part"),
    ],
)
def test_what_the_family_cannot_do_is_refused_with_its_field(operation: Operation, field: str) -> None:
    with pytest.raises(ValueError, match="^" + field.replace(".", r"\.")):
        dialect().request(operation)


@pytest.mark.parametrize("means", Payment)
def test_a_payment_is_sent_or_refused_as_the_table_says(means: Payment) -> None:
    """Never as 2, which would begin a payment at the device's own pinpad."""
    if means in DATECS_V2.payments:
        _, data = dialect().request(ask.Pay(means, 100))
        assert data.split(b"\t")[0] in (b"0", b"1", b"3", b"4", b"5")
    else:
        with pytest.raises(ValueError, match="means"):
            dialect().request(ask.Pay(means, 100))


@settings(deadline=None)
@given(
    st.binary(min_size=1, max_size=72).filter(lambda text: min(text) >= 0x20),
    st.sampled_from("ABCDEFGH"),
    st.integers(1, DATECS_V2.max_cents),
    st.integers(1, DATECS_V2.max_quantity),
    st.integers(0, DATECS_V2.max_cents),
)
def test_every_line_within_the_limits_fits_into_a_frame(
    text: bytes, vat: str, unit: int, quantity: int, discount: int
) -> None:
    spoken = dialect(Shape(unit=b"gabali"))
    operation = ask.Sale(text, vat, unit, quantity, discount)
    assert spoken.framing.encode(0x20, *spoken.request(operation))
