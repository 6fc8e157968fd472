"""Signed passes: what they claim and what a phone proves; no bytes end in anything but a refusal."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.wire import base45, cose, passes
from gateway.wire.cose_keys import PrivateKey, PublicKey, public_of
from gateway.wire.passes import ENTITLEMENTS, ONCE, PERSONS, Claims, Pass

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PHONE = generate_private_key(SECP256R1())
HEADER = cbor2.dumps({1: -8})
CLAIMS: dict[object, object] = {1: "jelgava", 4: 2000, 7: b"id"}


def shown(message: object) -> bytes:
    return passes.PREFIX + base45.encode(cbor2.dumps(message))


def issue(key: PrivateKey = KEY, key_id: bytes = b"", **more: Any) -> bytes:
    given = {"issuer": "jelgava", "pass_id": b"id", "expires_s": 2000, **more}
    return passes.issue(key, Claims(**given), key_id=key_id)


def raw(text: bytes) -> bytes:
    return base45.decode(text[len(passes.PREFIX) :])


def sign1(header: object = HEADER, claims: object = None, signature: object = bytes(64)) -> bytes:
    payload = cbor2.dumps(CLAIMS if claims is None else claims)
    return shown(cbor2.CBORTag(18, [header, {}, payload, signature]))


def test_what_is_signed_is_the_published_structure() -> None:
    message = passes.decode(issue()).message
    payload = bytes.fromhex("a30167" + b"jelgava".hex() + "041907d00742" + b"id".hex())
    assert message.payload == payload
    signed = bytes.fromhex("846A5369676E61747572653143A1012740") + bytes([0x40 + len(payload)]) + payload
    assert cose.to_sign(message.protected, message.payload) == signed


_codes = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,7}", fullmatch=True)


@given(
    st.builds(
        Claims,
        issuer=st.text(min_size=1, max_size=20),
        pass_id=st.binary(min_size=1, max_size=32),
        expires_s=st.integers(0, 2**40 - 1),
        not_before_s=st.integers(0, 2**40 - 1),
        issued_s=st.integers(0, 2**40 - 1),
        subject=st.text(max_size=20),
        entitlements=st.none() | st.sets(_codes, max_size=5).map(lambda codes: tuple(sorted(codes))),
        once=st.booleans(),
        persons=st.integers(1, 99),
        phone=st.none() | st.just(public_of(KEY)),
    ),
    st.binary(max_size=8),
    st.sampled_from([KEY, PHONE]),
)
def test_round_trip(claims: Claims, key_id: bytes, key: PrivateKey) -> None:
    found = passes.decode(passes.issue(key, claims, key_id=key_id))
    assert found == Pass(
        issuer=claims.issuer,
        pass_id=claims.pass_id.hex(),
        expires_ms=claims.expires_s * 1000,
        message=found.message,
        not_before_ms=claims.not_before_s * 1000,
        issued_ms=claims.issued_s * 1000,
        subject=claims.subject,
        entitlements=claims.entitlements,
        once=claims.once,
        persons=claims.persons,
        phone=claims.phone,
    )
    assert found.message.key_id == key_id
    assert found.message.is_signed_by(public_of(key))
    assert not found.message.is_signed_by(public_of(Ed25519PrivateKey.from_private_bytes(bytes(32))))


@pytest.mark.parametrize(
    "more",
    [
        {"persons": 100},
        {"persons": -1},
        {"entitlements": ("A",)},
        {"entitlements": tuple(f"c{n}" for n in range(33))},
        {"pass_id": b""},
        {"pass_id": bytes(33)},
        {"issuer": ""},
        {"subject": "x" * 65},
        {"expires_s": -1},
        {"expires_s": 2**40},
        {"issuer": "x" * 700},
    ],
)
def test_what_no_gateway_would_read_is_not_issued(more: dict[str, Any]) -> None:
    with pytest.raises(InputRefused):
        issue(**more)


def test_a_pass_stays_in_a_qr_codes_alphanumeric_mode() -> None:
    text = issue(pass_id=bytes(8), expires_s=2**31, not_before_s=1, key_id=b"k1")
    assert set(text) <= set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert len(text) < 250


def test_a_pass_with_all_it_can_say_and_a_proof_fits_a_phones_screen() -> None:
    """Version 20-M of QR holds 970 alphanumeric characters (ISO/IEC 18004, table 7); this is version 13."""
    text = issue(
        pass_id=bytes(8),
        expires_s=2**31,
        issued_s=2**31,
        subject="s" * 12,
        entitlements=("c1", "m1"),
        persons=30,
        phone=public_of(PHONE),
        key_id=b"k1",
    )
    assert len(passes.prove(text, PHONE, 2**31)) < 480


def test_neither_pass_nor_claims_show_the_pass_id() -> None:
    shown = repr(passes.decode(issue(pass_id=b"secret"))) + repr(Claims(issuer="i", pass_id=b"secret", expires_s=1))
    assert "secret" not in shown
    assert b"secret".hex() not in shown


# What the phone proves -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", [KEY, PHONE])
def test_a_proof_is_over_this_pass_by_this_phone(phone: PrivateKey) -> None:
    text = issue(phone=public_of(phone))
    proved = passes.decode(passes.prove(text, phone, 1234))
    assert proved.message.proof is not None
    assert (proved.message.proof.at_s, proved.proof_holds) == (1234, True)
    assert proved.message.is_signed_by(public_of(KEY))
    assert not passes.decode(text).proof_holds
    stranger = generate_private_key(SECP256R1())
    assert not passes.decode(passes.prove(text, stranger, 1234)).proof_holds


def test_a_proof_cannot_be_moved_to_another_pass_nor_to_another_time() -> None:
    one, other = issue(phone=public_of(PHONE)), issue(phone=public_of(PHONE), pass_id=b"other")
    proof = cbor2.loads(raw(passes.prove(one, PHONE, 1234))).value[1]
    protected, _, payload, signature = cbor2.loads(raw(other)).value
    moved = passes.decode(shown(cbor2.CBORTag(18, [protected, proof, payload, signature])))
    assert not moved.proof_holds
    later = {11: [cose.proof_header(public_of(PHONE).alg, 9999), {}, proof[11][2]]}
    protected, _, payload, signature = cbor2.loads(raw(one)).value
    assert not passes.decode(shown(cbor2.CBORTag(18, [protected, later, payload, signature]))).proof_holds


def test_a_proof_on_a_pass_that_names_no_phone_proves_nothing() -> None:
    assert not passes.decode(passes.prove(issue(), PHONE, 1234)).proof_holds


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_byte_of_it_can_be_changed(at: int, change: int) -> None:
    """The unprotected header and the tag are not signed; what they say is a hint or proved by itself."""
    data = bytearray(raw(issue()))
    data[at % len(data)] ^= change
    try:
        found = passes.decode(passes.PREFIX + base45.encode(bytes(data)))
    except InputRefused:
        return
    assert found == passes.decode(issue()) or not found.message.is_signed_by(public_of(KEY))


def test_a_message_without_its_tag_is_accepted() -> None:
    message = cbor2.loads(raw(issue())).value
    assert passes.decode(shown(list(message))).message.is_signed_by(public_of(KEY))


def test_a_compressed_pass_is_refused_and_not_inflated() -> None:
    bomb = zlib.compress(bytes(200_000), 9)
    with pytest.raises(InputRefused, match="it is compressed"):
        passes.decode(passes.PREFIX + base45.encode(bomb))


def test_a_claim_of_ours_that_is_not_known_refuses_the_pass_and_a_registered_one_does_not() -> None:
    with pytest.raises(InputRefused, match="not known here"):
        passes.decode(sign1(claims={**CLAIMS, -65600: 1}))
    with pytest.raises(InputRefused, match="aud"):
        passes.decode(sign1(claims={**CLAIMS, 3: "library"}))
    others: dict[object, object] = {38: b"nonce", "own": 1}
    assert passes.decode(sign1(claims=others | CLAIMS)).issuer == "jelgava"


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
        sign1(header=cbor2.dumps({1: -35})),
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
        sign1(claims={**CLAIMS, 6: "now"}),
        sign1(claims={**CLAIMS, 2: 5}),
        sign1(claims={**CLAIMS, 8: {}}),
        sign1(claims={**CLAIMS, 8: {1: {1: 2}}}),
        sign1(claims={**CLAIMS, 8: {3: b"kid"}}),
        sign1(claims={**CLAIMS, ONCE: 1}),
        sign1(claims={**CLAIMS, PERSONS: 0}),
        sign1(claims={**CLAIMS, PERSONS: 100}),
        sign1(claims={**CLAIMS, PERSONS: True}),
        sign1(claims={**CLAIMS, PERSONS: 2.0}),
        sign1(claims={**CLAIMS, ENTITLEMENTS: "c1"}),
        sign1(claims={**CLAIMS, ENTITLEMENTS: [1]}),
        sign1(claims={**CLAIMS, ENTITLEMENTS: ["c 1"]}),
        sign1(claims={**CLAIMS, ENTITLEMENTS: ["c1\n"]}),
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
    refused_or_decoded(passes.PREFIX + base45.encode(raw))


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
        passes.decode(passes.PREFIX + base45.encode(opening * (600 // len(opening))))


@pytest.mark.parametrize("head", [b"\x9b", b"\xbb", b"\x5b", b"\x7b"])
def test_a_length_beyond_all_memory_is_refused(head: bytes) -> None:
    for length in (2**31, 2**40, 2**63 - 1, 2**64 - 1):
        with pytest.raises(InputRefused):
            passes.decode(passes.PREFIX + base45.encode(head + length.to_bytes(8, "big")))


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=40) | st.text(max_size=9) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(-3, 9), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([2, 5, 6, 8, ENTITLEMENTS, ONCE, PERSONS, 99, "x"]), _values, max_size=5))
def test_any_claims_are_read_or_refused(claims: dict[Any, Any]) -> None:
    refused_or_decoded(sign1(claims={**CLAIMS, **claims}))


def test_a_key_of_no_use_is_no_phone() -> None:
    """A point that lies on no curve shows when it should prove something."""
    beside = PublicKey(public_of(PHONE).alg, b"\x04" + bytes(63) + b"\x01")
    message = passes.decode(sign1(claims={**CLAIMS, 8: {1: {1: 2, -1: 1, -2: bytes(32), -3: bytes(31) + b"\x01"}}}))
    assert message.phone == beside
    assert not message.proof_holds
