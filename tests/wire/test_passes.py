"""Signed passes: base45, CBOR, COSE_Sign1. Published vectors, and no bytes that end in anything but a refusal.

RFC 9285 (examples of section 4.3 and 4.4), RFC 8392, cose-wg/Examples eddsa-sig-01, RFC 8032 section 7.1 (its key).
"""

from __future__ import annotations

from contextlib import suppress

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.wire import passes

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEADER = cbor2.dumps({1: -8})
CLAIMS = {1: "jelgava", 4: 2000, 7: b"id"}


def shown(message: object) -> bytes:
    return passes.PREFIX + passes.base45_encode(cbor2.dumps(message))


def sign1(header: object = HEADER, claims: object = None, signature: object = bytes(64)) -> bytes:
    payload = cbor2.dumps(CLAIMS if claims is None else claims)
    return shown(cbor2.CBORTag(18, [header, {}, payload, signature]))


@pytest.mark.parametrize(
    ("plain", "text"),
    [(b"AB", b"BB8"), (b"Hello!!", b"%69 VD92EX0"), (b"base-45", b"UJCLQE7W581"), (b"ietf!", b"QED8WEX0"), (b"", b"")],
)
def test_base45_as_published(plain: bytes, text: bytes) -> None:
    assert passes.base45_encode(plain) == text
    assert passes.base45_decode(text) == plain


@pytest.mark.parametrize("text", [b"GGW", b":::", b"::", b"A", b"ABCD", b"bb8", b"BB\xff", b"BB8\n"])
def test_what_no_encoder_makes_is_refused(text: bytes) -> None:
    with pytest.raises(InputRefused):
        passes.base45_decode(text)


@given(st.binary(max_size=300))
def test_base45_round_trip(data: bytes) -> None:
    assert passes.base45_decode(passes.base45_encode(data)) == data


@given(st.binary(max_size=40))
def test_base45_has_one_text_for_each_content(text: bytes) -> None:
    try:
        data = passes.base45_decode(text)
    except InputRefused:
        return
    assert passes.base45_encode(data) == text


def test_a_signature_as_published_verifies() -> None:
    key = Ed25519PublicKey.from_public_bytes(
        bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    )
    to_be_signed = bytes.fromhex(
        "846A5369676E61747572653145A20127030040" + "54546869732069732074686520636F6E74656E742E"
    )
    signature = bytes.fromhex(
        "7142FD2FF96D56DB85BEE905A76BA1D0B7321A95C8C4D3607C5781932B7AFB87"
        "11497DFA751BF40B58B3BCC32300B1487F3DB34085EEF013BF08F4A44D6FEF0D"
    )
    assert passes.Pass("i", "p", 0, 0, to_be_signed, signature).verify(key)
    assert not passes.Pass("i", "p", 0, 0, to_be_signed + b" ", signature).verify(key)


def test_what_is_signed_is_the_published_structure() -> None:
    found = passes.decode(passes.issue(KEY, "jelgava", b"id", 2000))
    payload = bytes.fromhex("a30167" + b"jelgava".hex() + "041907d00742" + b"id".hex())
    assert found.signed == bytes.fromhex("846A5369676E61747572653143A1012740") + bytes([0x40 + len(payload)]) + payload


@given(
    st.text(min_size=1, max_size=20),
    st.binary(min_size=1, max_size=32),
    st.integers(0, 2**40 - 1),
    st.integers(0, 2**40 - 1),
    st.binary(max_size=8),
)
def test_round_trip(issuer: str, pass_id: bytes, expires_s: int, not_before_s: int, key_id: bytes) -> None:
    text = passes.issue(KEY, issuer, pass_id, expires_s, not_before_s=not_before_s, key_id=key_id)
    found = passes.decode(text)
    assert (found.issuer, found.pass_id) == (issuer, pass_id.hex())
    assert (found.not_before_ms, found.expires_ms) == (not_before_s * 1000, expires_s * 1000)
    assert found.verify(KEY.public_key())
    assert not found.verify(Ed25519PrivateKey.generate().public_key())


def test_a_pass_stays_in_a_qr_codes_alphanumeric_mode() -> None:
    text = passes.issue(KEY, "jelgava", bytes(8), 2**31, not_before_s=1, key_id=b"k1")
    assert set(text) <= set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert len(text) < 250


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_byte_of_it_can_be_changed(at: int, change: int) -> None:
    raw = bytearray(passes.base45_decode(passes.issue(KEY, "jelgava", b"id", 2000)[4:]))
    raw[at % len(raw)] ^= change
    try:
        found = passes.decode(passes.PREFIX + passes.base45_encode(bytes(raw)))
    except InputRefused:
        return
    # The unprotected header and the tag are not signed and mean nothing.
    genuine = passes.decode(passes.issue(KEY, "jelgava", b"id", 2000))
    assert found == genuine or not found.verify(KEY.public_key())


def test_a_message_without_its_tag_is_accepted() -> None:
    raw = cbor2.loads(passes.base45_decode(passes.issue(KEY, "jelgava", b"id", 2000)[4:])).value
    assert passes.decode(shown(list(raw))).verify(KEY.public_key())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SP1",
        b"SP1:",
        b"SP2:" + sign1()[4:],
        sign1() + b"00",
        passes.PREFIX + b"0" * 1200,
        shown({}),
        shown([1, 2, 3]),
        shown([HEADER, {}, b"", "no bytes"]),
        shown(cbor2.CBORTag(17, [HEADER, {}, cbor2.dumps(CLAIMS), bytes(64)])),
        sign1(header=cbor2.dumps({1: -7})),
        sign1(header=cbor2.dumps({})),
        sign1(header=b""),
        sign1(header=cbor2.dumps([1])),
        sign1(claims=[]),
        sign1(claims={}),
        sign1(claims={**CLAIMS, 1: 5}),
        sign1(claims={**CLAIMS, 1: ""}),
        sign1(claims={**CLAIMS, 7: "text"}),
        sign1(claims={**CLAIMS, 7: b""}),
        sign1(claims={**CLAIMS, 7: bytes(33)}),
        sign1(claims={**CLAIMS, 4: 1.5}),
        sign1(claims={**CLAIMS, 4: True}),
        sign1(claims={**CLAIMS, 4: -1}),
        sign1(claims={**CLAIMS, 4: 2**40}),
        sign1(claims={**CLAIMS, 5: "now"}),
        sign1(claims={1: "jelgava", 7: b"id"}),
    ],
)
def test_what_is_no_pass_is_refused(text: bytes) -> None:
    with pytest.raises(InputRefused):
        passes.decode(text)


def refused_or_decoded(text: bytes) -> None:
    with suppress(InputRefused):
        passes.decode(text)


@given(st.binary(max_size=200))
def test_any_text_is_decoded_or_refused(text: bytes) -> None:
    refused_or_decoded(passes.PREFIX + text)


@given(st.binary(max_size=200))
def test_any_cbor_is_decoded_or_refused(raw: bytes) -> None:
    refused_or_decoded(passes.PREFIX + passes.base45_encode(raw))


@given(st.binary(max_size=40), st.binary(max_size=80), st.binary(max_size=70))
def test_any_parts_are_decoded_or_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    refused_or_decoded(shown(cbor2.CBORTag(18, [header, {}, payload, signature])))
    refused_or_decoded(shown(cbor2.CBORTag(18, [HEADER, {}, payload, signature])))


@given(
    st.integers(0, 300),
    st.recursive(
        st.none() | st.integers() | st.binary(max_size=9) | st.floats() | st.text(max_size=9), st.lists, max_leaves=6
    ),
)
def test_tagged_items_of_every_kind_are_refused(tag: int, value: object) -> None:
    """Dates, big numbers, fractions, regular expressions, shared references: a decoder knows many."""
    with pytest.raises(InputRefused):
        passes.decode(shown(cbor2.CBORTag(18, [HEADER, {}, cbor2.dumps({4: cbor2.CBORTag(tag, value)}), bytes(64)])))
    with pytest.raises(InputRefused):
        passes.decode(shown(cbor2.CBORTag(tag if tag != 18 else 19, value)))


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1", b"\xc1", b"\xd8\x1c\x81", b"\x9f", b"\xbf"])
def test_deep_nesting_is_refused(opening: bytes) -> None:
    with pytest.raises(InputRefused):
        passes.decode(passes.PREFIX + passes.base45_encode(opening * (600 // len(opening))))


@pytest.mark.parametrize("head", [b"\x9b", b"\xbb", b"\x5b", b"\x7b"])
def test_a_length_beyond_all_memory_is_refused(head: bytes) -> None:
    for length in (2**31, 2**40, 2**63 - 1, 2**64 - 1):
        with pytest.raises(InputRefused):
            passes.decode(passes.PREFIX + passes.base45_encode(head + length.to_bytes(8, "big")))
