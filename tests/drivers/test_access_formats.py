"""What the bits of a card mean: parity, and one number for one card whatever the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.access.formats import FEWEST_BITS, MOST_BITS, Number, Wrong, number_of, uid_of
from drivers.simulators.wiegand import h10301

FACILITY, NUMBER = st.integers(0, 255), st.integers(0, 65535)


def with_parity(data: int, bits: int, half: int) -> int:
    """`data` of `bits` bits between an even parity over its first `half` bits and an odd one over its last `half`."""
    text = f"{data:0{bits}b}"
    even, odd = text[:half].count("1") % 2, 1 - text[-half:].count("1") % 2
    return int(f"{even}{text}{odd}", 2)


def test_the_known_26_bit_card_is_its_facility_and_number() -> None:
    assert number_of(26, int(h10301(12, 34567), 2)) == Number(24, bytes([12]) + (34567).to_bytes(2, "big"))


@given(FACILITY, NUMBER)
def test_every_26_bit_card_is_read_back(facility: int, number: int) -> None:
    found = number_of(26, int(h10301(facility, number), 2))
    assert found == Number(24, bytes([facility, *number.to_bytes(2, "big")]))


@given(FACILITY, NUMBER, st.integers(0, 25))
def test_one_flipped_bit_of_26_is_never_a_card(facility: int, number: int, flipped: int) -> None:
    assert isinstance(number_of(26, int(h10301(facility, number), 2) ^ 1 << flipped), Wrong)


@given(st.integers(0, (1 << 32) - 1), st.integers(0, 33))
def test_34_bits_are_the_32_between_and_one_flipped_bit_is_told(data: int, flipped: int) -> None:
    value = with_parity(data, 32, 16)
    assert number_of(34, value) == Number(32, data.to_bytes(4, "big"))
    assert isinstance(number_of(34, value ^ 1 << flipped), Wrong)


@given(st.integers(0, (1 << 35) - 1), st.integers(0, 36))
def test_37_bits_are_checked_and_kept(data: int, flipped: int) -> None:
    value = with_parity(data, 35, 18)
    assert number_of(37, value) == Number(37, value.to_bytes(5, "big"))
    if flipped == 18:
        # The one bit that both parities cover: they are wrong together.
        assert number_of(37, value ^ 1 << flipped) is Wrong.PARITY
    assert isinstance(number_of(37, value ^ 1 << flipped), Wrong)


@given(FACILITY, NUMBER, st.sets(st.integers(1, 12), min_size=2, max_size=2))
def test_what_parity_cannot_see_is_another_card_and_never_this_one(
    facility: int, number: int, flipped: set[int]
) -> None:
    """Two bits of one half: parity says nothing, so that a noisy line may make another number. Said on the page."""
    bits = h10301(facility, number)
    value = int(bits, 2)
    for at in flipped:
        value ^= 1 << (25 - at)
    found = number_of(26, value)
    assert found is Wrong.BLANK or (isinstance(found, Number) and found != number_of(26, int(bits, 2)))


def test_a_card_is_the_same_with_and_without_its_parity() -> None:
    """One reader sends 26 bits, another the 24 alone; the same with 34 and 32."""
    assert number_of(24, 0x0C8707) == number_of(26, with_parity(0x0C8707, 24, 12))
    assert number_of(32, 0x04A1B2C3) == number_of(34, with_parity(0x04A1B2C3, 32, 16))


def test_an_unchecked_length_is_handed_on_whole() -> None:
    value = with_parity(5, 24, 12) ^ 1
    assert number_of(26, value) is Wrong.PARITY
    assert number_of(26, value, unchecked=frozenset({26})) == Number(26, value.to_bytes(4, "big"))


@pytest.mark.parametrize("bits", [FEWEST_BITS, 26, 32, 34, 37, MOST_BITS])
def test_wires_that_say_nothing_are_nobodys_card(bits: int) -> None:
    assert isinstance(number_of(bits, 0), Wrong)
    assert isinstance(number_of(bits, (1 << bits) - 1), Wrong)


@given(st.integers(-5, 300), st.integers(-1, 1 << 200))
def test_any_bits_are_a_number_of_that_many_or_told(bits: int, value: int) -> None:
    found = number_of(bits, value)
    if isinstance(found, Number):
        assert FEWEST_BITS <= found.bits <= bits
        assert len(found.data) == -(-found.bits // 8)
        assert int.from_bytes(found.data, "big").bit_length() <= found.bits
    else:
        assert found in Wrong


def test_a_uid_has_4_7_or_10_bytes_in_either_order() -> None:
    assert uid_of(Number(32, b"\x04\xa1\xb2\xc3"), backwards=False) == b"\x04\xa1\xb2\xc3"
    assert uid_of(Number(56, bytes(range(7))), backwards=True) == bytes(reversed(range(7)))
    assert uid_of(Number(24, b"\x0c\x87\x07"), backwards=False) is None


def test_a_number_does_not_show_itself() -> None:
    assert repr(Number(24, b"\x0c\x87\x07")) == "Number(24 bits)"
