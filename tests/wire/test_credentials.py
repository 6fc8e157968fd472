"""A credential's digest: one function for gateway and centre."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire.credentials import barcode, beacon, digest, pass_id


def test_the_input_is_kind_zero_and_canonical_id() -> None:
    wanted = hmac.new(b"k" * 32, b"card\x00\x04\x01\x02\x03", hashlib.sha256).digest()
    assert digest(b"k" * 32, CredentialKind.CARD, b"\x04\x01\x02\x03") == wanted


def test_kinds_do_not_share_digests() -> None:
    assert len({digest(b"k" * 32, kind, b"1234567") for kind in CredentialKind}) == len(CredentialKind)


@given(st.binary(max_size=200))
def test_a_canonical_barcode_is_printable_and_stays_itself(data: bytes) -> None:
    text = barcode(data)
    assert text is None or (barcode(text) == text and text.decode("ascii").isprintable())


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
