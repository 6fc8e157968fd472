"""The DATA of commands: what is sent is the published example, what comes is understood or refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Payment
from drivers.fiscal import datecs_v1_data as wire
from drivers.fiscal.datecs_v1 import Command, decode_answer, encode_request
from drivers.fiscal.families import DATECS_V1_A, Sign


def hexed(frame: bytes) -> str:
    return frame.hex(" ").upper()


def test_open_is_the_published_frame() -> None:
    frame = encode_request(0x21, Command.OPEN, wire.open_receipt("1", "0000", "1"))
    assert hexed(frame) == "01 2C 21 30 31 2C 30 30 30 30 2C 31 05 30 31 3F 3C 03"


def test_payment_is_the_published_frame() -> None:
    data = wire.pay(DATECS_V1_A.payments[Payment.CASH], 2000)
    assert hexed(encode_request(0x25, Command.PAY, data)) == "01 2B 25 35 09 50 32 30 2E 30 30 05 30 31 3D 33 03"


def test_card_is_d_in_group_a() -> None:
    assert wire.pay(DATECS_V1_A.payments[Payment.CARD], 5) == b"\tD0.05"


def test_sale_says_quantity_and_the_discount_as_an_amount() -> None:
    assert wire.sale(b"Coffee", "A", 250, 2000, 50) == b"Coffee\tA2.50*2.000;-0.50"


def test_sale_says_a_quantity_of_one_and_no_discount_of_nothing() -> None:
    assert wire.sale(b"Tea", "B", 5, 1000, 0) == b"Tea\tB0.05*1.000"


def test_change() -> None:
    assert wire.read_paid(b"R0000680") == wire.Paid(wire.PaidCode.CHANGE, 680)


def test_payment_that_failed() -> None:
    assert wire.read_paid(b"F").code in wire.NOT_PAID


def test_transaction_with_tender() -> None:
    assert wire.read_transaction(b"1,0002,+00001390,+00002000") == wire.Transaction(True, 2, 1390)


def test_number_keeps_its_zeros() -> None:
    assert wire.read_number(b"0000472") == "0000472"


def test_identity_of_a_device() -> None:
    identity = wire.read_identity(b"FP-2000,1.00BG 23NOV18 1000,FFFF,00000000,DT000600,02000600")
    assert identity == wire.Identity("FP-2000", "1.00BG 23NOV18 1000", "DT000600", "02000600")


def test_identity_of_an_unknown_shape_is_its_name() -> None:
    assert wire.read_identity(b"DATECS\x00") == wire.Identity("DATECS.")


READERS: list[Callable[[bytes], object]] = [
    wire.read_subtotal,
    wire.read_paid,
    wire.read_transaction,
    wire.read_number,
]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("data", [b"", b",", b"\xff\xfe", b"-", b"9" * 40, b"1.2", "١٢".encode()])
def test_data_that_is_not_the_commands_is_refused(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(wire.DataError):
        read(data)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text("0123456789,+-.DRFEIT ", max_size=40).map(str.encode)))
def test_readers_raise_nothing_but_their_own_error(data: bytes) -> None:
    wire.read_identity(data)
    for read in READERS:
        try:
            read(data)
        except wire.DataError:
            continue


def test_refused_command_of_a_real_log_is_a_refusal() -> None:
    answer = decode_answer(bytes.fromhex("01 2B 24 3C 04 A0 82 80 80 86 9A 05 30 33 3D 36 03"))
    assert DATECS_V1_A.refusals(DATECS_V1_A.signs(answer.status)) == (Sign.NOT_ALLOWED,)


def test_open_receipt_is_seen_and_is_no_refusal() -> None:
    signs = DATECS_V1_A.signs(bytes.fromhex("80 80 88 80 86 9A"))
    assert signs == {Sign.RECEIPT_OPEN}
    assert DATECS_V1_A.refusals(signs) == ()
    assert DATECS_V1_A.blocks(signs) == (Sign.RECEIPT_OPEN,)


def test_low_clock_battery_sets_the_general_error_and_refuses_nothing() -> None:
    signs = DATECS_V1_A.signs(bytes.fromhex("A0 88 80 80 86 9A"))
    assert signs == {Sign.CLOCK_BATTERY}
    assert DATECS_V1_A.refusals(signs) == ()
    assert DATECS_V1_A.blocks(signs) == ()


def test_device_that_is_not_fiscalised_is_in_training_mode() -> None:
    assert DATECS_V1_A.signs(bytes.fromhex("80 80 80 80 86 92")) == {Sign.TRAINING}


@settings(deadline=None)
@given(st.binary(min_size=6, max_size=6))
def test_any_status_is_read(status: bytes) -> None:
    signs = DATECS_V1_A.signs(status)
    assert set(DATECS_V1_A.refusals(signs)) <= signs
    assert set(DATECS_V1_A.blocks(signs)) <= signs
