"""A credential's digest: one function for gateway and centre."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire.credentials import barcode, digest, pass_id


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
