"""The tables of Datecs version 2: status bits, and what differs by model and firmware."""

from __future__ import annotations

import pytest

from drivers.fiscal import datecs_v2_family as tables
from drivers.fiscal import operations as ask
from drivers.fiscal.datecs_v2_family import DATECS_V2, Row, Shape
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.families import Sign
from drivers.fiscal.said import Identity
from tests.drivers.fiscal_v2 import CLERK, NSALE, ORIGINAL, dialect


@pytest.mark.parametrize(
    ("status", "signs"),
    [
        ("80 80 80 80 86 9A 80 80", set()),
        ("80 80 80 80 86 92 80 80", {Sign.TRAINING}),
        ("E0 80 80 80 86 9A 80 80", {Sign.COVER_OPEN}),
        ("B0 80 80 80 86 9A 80 80", {Sign.PRINT_UNIT}),
        ("84 80 80 80 86 9A 80 80", {Sign.CLOCK_NOT_SET}),
        ("80 80 82 80 86 9A 80 80", {Sign.PAPER_LOW}),
        ("A0 80 81 80 86 9A 80 80", {Sign.PAPER_OUT}),
        ("80 80 84 80 86 9A 80 80", {Sign.JOURNAL_FULL}),
        ("80 80 90 80 86 9A 80 80", {Sign.JOURNAL_ALMOST_FULL}),
        ("80 80 A8 80 86 9A 80 80", {Sign.RECEIPT_OPEN, Sign.SERVICE_OPEN}),
        ("80 80 80 80 A7 9A 80 80", {Sign.MEMORY_READ}),
        ("80 80 80 80 C6 9A 80 80", {Sign.MEMORY_READ}),
        ("80 80 80 80 B6 9A 80 80", {Sign.MEMORY_FULL}),
        ("80 80 80 80 8E 9A 80 80", {Sign.MEMORY_ALMOST_FULL}),
        ("80 80 80 FF 86 9A FF FF", set()),
    ],
)
def test_status_bits(status: str, signs: set[Sign]) -> None:
    assert DATECS_V2.signs(bytes.fromhex(status)) == signs


@pytest.mark.parametrize(
    ("model", "password", "note_bytes"),
    [
        ("FP-700X", b"0000", 40),
        ("FP-700XE", b"0000", 40),
        ("FMP-350X", b"0000", 40),
        ("FMP-55X", b"0000", 30),
        ("DP-25X", b"7", 40),
        ("DP-05C", b"7", 40),
        ("WP-500X", b"7", 40),
        ("", b"0000", 40),
    ],
)
def test_what_a_model_has_from_the_factory(model: str, password: bytes, note_bytes: int) -> None:
    spoken = dialect(clerk=Clerk("7", "", "1")).known(Identity(model, "3.00 22Jul25 0923"))
    assert spoken.request(ask.Open())[1] == b"7\t" + password + b"\t1\t\t"
    assert spoken.family.note_bytes == note_bytes


def test_the_password_that_was_given_counts_on_every_model() -> None:
    spoken = dialect(clerk=Clerk("7", "4321", "1")).known(Identity("FP-700X"))
    assert spoken.request(ask.Open())[1] == b"7\t4321\t1\t\t"


def test_the_first_row_that_fits_model_and_firmware_counts() -> None:
    new, old = Shape(unit=b"gab."), Shape(sale_number=False, summer_time=False)
    rows = (Row("DP-25X", "4.", new), Row("DP-25X", "", old))
    assert tables.shape_of("DP-25X", "4.01 1Jan27", rows) == new
    assert tables.shape_of("DP-25X", "3.00 1Jan25", rows) == old
    assert tables.shape_of("DP-150X", "4.01 1Jan27", rows) == Shape()


def test_a_firmware_with_a_unit_gets_one() -> None:
    _, data = dialect(Shape(unit=b"gab.")).request(ask.Sale(b"Coffee", "A", 250, 2000))
    assert data == b"Coffee\t1\t2.50\t2.000\t0\t\t0\tgab.\t"


def test_a_firmware_without_sale_numbers_has_no_field_for_one() -> None:
    spoken = dialect(Shape(sale_number=False))
    assert spoken.request(ask.OpenReversal(ORIGINAL))[1].endswith(b"02000123\t\t\t\t")
    with pytest.raises(ValueError, match=r"^sale_number"):
        spoken.request(ask.Open(NSALE))


def test_a_firmware_without_summer_time_is_not_told_of_it() -> None:
    _, data = dialect(Shape(summer_time=False)).request(ask.WriteClock("2026-06-27T10:02:41", summer=True))
    assert data == b"27-06-26 10:02:41\t"


def test_a_clerk_shows_no_password() -> None:
    assert "0000" not in repr(CLERK)
