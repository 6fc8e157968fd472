"""A credential's digest: one function for gateway and centre."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.access.formats import Number, Wrong, number_of
from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire.credentials import access_card, barcode, beacon, digest, parse_access_card, pass_id

ACCESS_VECTOR = "ab4c958e602ffe334dd5e506e00f7f2347c751975394490965fd31b4cc09de7a"


def test_the_input_is_kind_zero_and_canonical_id() -> None:
    wanted = hmac.new(b"k" * 32, b"card\x00\x04\x01\x02\x03", hashlib.sha256).digest()
    assert digest(b"k" * 32, CredentialKind.CARD, b"\x04\x01\x02\x03") == wanted


def test_kinds_do_not_share_digests() -> None:
    assert len({digest(b"k" * 32, kind, b"1234567") for kind in CredentialKind}) == len(CredentialKind)


@given(st.binary(max_size=200))
def test_a_canonical_barcode_is_printable_and_stays_itself(data: bytes) -> None:
    text = barcode(data)
    assert text is None or (barcode(text) == text and text.decode("ascii").isprintable())


def test_an_access_card_is_how_many_bits_and_the_number() -> None:
    assert access_card(24, b"\x0c\x87\x07") == b"\x18\x0c\x87\x07"
    # A fixed vector: whoever changes the input changes every registry in the field.
    assert digest(bytes(range(32)), CredentialKind.ACCESS_CARD, access_card(24, b"\x0c\x87\x07")).hex() == ACCESS_VECTOR


@pytest.mark.parametrize(
    ("bits", "number"), [(24, b"\0" * 4), (25, b"\2\0\0\0"), (8, b"\1"), (0, b""), (136, b"\1" * 17)]
)
def test_no_access_card_has_two_forms(bits: int, number: bytes) -> None:
    with pytest.raises(InputRefused):
        access_card(bits, number)


@pytest.mark.parametrize(
    ("text", "bits", "number"),
    [
        ("h10301:12:34567", 24, "0c8707"),
        ("H10301:012:34567 ", 24, "0c8707"),
        ("24:0C8707", 24, "0c8707"),
        ("24:0c 87 07", 24, "0c8707"),
        ("32:04a1b2c3", 32, "04a1b2c3"),
        ("h10304:2652:12345", 37, None),
    ],
)
def test_an_access_card_as_people_write_it(text: str, bits: int, number: str | None) -> None:
    found = parse_access_card(text)
    assert found is not None
    assert found[0] == bits
    if number is not None:
        assert found[1:].hex() == number


@given(st.integers(0, 65535), st.integers(0, (1 << 19) - 1))
def test_what_is_printed_on_a_37_bit_card_is_what_its_reader_hands_on(facility: int, number: int) -> None:
    """Against the driver's own check of the 37 bits, which was written apart from this one."""
    found = parse_access_card(f"h10304:{facility}:{number}")
    assert found is not None
    value = int.from_bytes(found[1:], "big")
    assert (value >> 20 & 0xFFFF, value >> 1 & 0x7FFFF) == (facility, number)
    read = number_of(37, value)
    assert read is Wrong.BLANK or (isinstance(read, Number) and found == access_card(read.bits, read.data))


@given(st.text(max_size=60) | st.from_regex(r"(h10301|h10304|[0-9]{1,4}):[0-9a-f:]{0,40}", fullmatch=True))
def test_any_text_is_an_access_card_or_none(text: str) -> None:
    found = parse_access_card(text)
    assert found is None or found == access_card(found[0], found[1:])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h10301:256:1",
        "h10301:1:65536",
        "h10301:1",
        "h10301:1:-1",
        "h10301:1:1:1",
        "h10304:65536:1",
        "24:0c87",
        "2:03",
        "x:00",
    ],
)
def test_what_is_no_access_card(text: str) -> None:
    assert parse_access_card(text) is None


@pytest.mark.parametrize(("issuer", "id"), [("", "a"), ("a", ""), ("a\0b", "c")])
def test_two_passes_cannot_share_an_id(issuer: str, id: str) -> None:
    with pytest.raises(InputRefused):
        pass_id(issuer, id)


PLAIN = "f7826da64fa24e988024bc5b71e0893e"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("iBeacon:F7826DA6-4FA2-4E98-8024-BC5B71E0893E:007:42", f"ibeacon:{PLAIN}:7:42"),
        (f"altbeacon:{PLAIN}:0:65535", f"altbeacon:{PLAIN}:0:65535"),
        ("eddystone:00112233445566778899:AABBCCDDEEFF", "eddystone:00112233445566778899:aabbccddeeff"),
        ("phone:anna-1", "phone:anna-1"),
    ],
)
def test_a_beacon_has_one_canonical_id_however_it_is_written(text: str, canonical: str) -> None:
    assert beacon(text) == canonical.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "phone:",
        "phone:-a",
        f"ibeacon:{PLAIN}:1",
        f"ibeacon:{PLAIN}:65536:1",
        f"moon:{PLAIN}:1:2",
        "eddystone:00:11",
    ],
)
def test_what_is_no_beacon_has_no_id(text: str) -> None:
    assert beacon(text) is None


@given(st.text(max_size=100) | st.from_regex(r"(ibeacon|altbeacon):[0-9a-fA-F-]{32,36}:[0-9]{1,6}:[0-9]{1,6}"))
def test_a_canonical_beacon_is_ascii_and_stays_itself(text: str) -> None:
    canonical = beacon(text)
    assert canonical is None or beacon(canonical.decode("ascii")) == canonical
