"""The keyed digest of a credential: the same for gateway and centre, another for every kind."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire.credentials import barcode, digest, pass_id

KEY = bytes(range(32))


def test_a_card_is_hmac_over_kind_zero_uid() -> None:
    uid = bytes.fromhex("04a2b3c4d5e680")
    expected = hmac.new(KEY, b"card\x00" + uid, hashlib.sha256).hexdigest()
    assert digest(KEY, CredentialKind.CARD, uid).hex() == expected
    # A fixed vector: whoever changes the input changes every registry in the field.
    assert expected == "97ea7312bbb1719b377584423d3fb66f997597e5aa509f1ab70820e7f60943e7"


def test_the_same_uid_is_another_credential_as_a_sun_card() -> None:
    uid = bytes.fromhex("04a2b3c4d5e680")
    assert digest(KEY, CredentialKind.CARD, uid) != digest(KEY, CredentialKind.SUN_CARD, uid)


def test_an_empty_id_is_nobodys() -> None:
    with pytest.raises(ValueError, match="has an id"):
        digest(KEY, CredentialKind.CARD, b"")


def test_a_pass_belongs_to_its_issuer() -> None:
    assert pass_id("jelgava", "P-1") == b"jelgava\x00P-1"
    assert pass_id("a", "b\0c") != pass_id("a", "bc")


@pytest.mark.parametrize(("issuer", "number"), [("", "1"), ("a", ""), ("a\0b", "1")])
def test_a_pass_without_issuer_or_id_is_refused(issuer: str, number: str) -> None:
    with pytest.raises(InputRefused):
        pass_id(issuer, number)


def test_a_barcode_is_trimmed() -> None:
    assert barcode(b"  2900001234567\r\n") == b"2900001234567"


@pytest.mark.parametrize("data", [b"", b" \r\n", b"12\x003", "ā".encode(), b"1" * 129])
def test_what_is_no_barcode(data: bytes) -> None:
    assert barcode(data) is None


@given(st.binary(max_size=200))
def test_a_canonical_barcode_stays_the_same(data: bytes) -> None:
    once = barcode(data)
    assert once is None or (barcode(once) == once and once.isascii() and 1 <= len(once) <= 128)
