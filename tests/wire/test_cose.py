"""COSE_Sign1, its two algorithms and its countersignature, by published vectors; and by passes that PyPI `cwt` made.

RFC 8032 7.1 (the key), cose-wg/Examples: eddsa-sig-01, countersign-v2/signed1-01.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.wire import base45, cose, cose_keys, passes
from gateway.wire.cose_keys import Alg, PublicKey, public_of

ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
P256 = derive_private_key(int.from_bytes(bytes(range(1, 33)), "big"), SECP256R1())
KEYS: dict[str, cose_keys.PrivateKey] = {"EdDSA": ED25519, "ES256": P256}
CONTENT = b"This is the content."
PUBLISHED_P256 = PublicKey(
    Alg.ES256,
    b"\x04"
    + bytes.fromhex("bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff")
    + bytes.fromhex("20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e"),
)
ES256_SIGNATURE = bytes.fromhex(
    "BB587D6B15F47BFD54D2CBFCECEF75451E92B08A514BD439FA3AA65C6AC92DF0"
    "D7328C4A47529B32ADD3DD1B4E940071C021E9A8F2641F1D8E3B053DDD65AE52"
)
PEER = json.loads((Path(__file__).parent.parent / "data" / "passes-cwt.json").read_text(encoding="utf-8"))


def test_eddsa_as_published() -> None:
    key = PublicKey(Alg.EDDSA, bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
    to_be_signed = bytes.fromhex(
        "846A5369676E61747572653145A20127030040" + "54546869732069732074686520636F6E74656E742E"
    )
    signature = bytes.fromhex(
        "7142FD2FF96D56DB85BEE905A76BA1D0B7321A95C8C4D3607C5781932B7AFB87"
        "11497DFA751BF40B58B3BCC32300B1487F3DB34085EEF013BF08F4A44D6FEF0D"
    )
    assert key.verify(Alg.EDDSA, signature, to_be_signed)
    assert not key.verify(Alg.EDDSA, signature, to_be_signed + b" ")


def test_es256_as_published() -> None:
    protected = bytes.fromhex("A201260300")
    signed = cose.to_sign(protected, CONTENT)
    assert signed.hex().upper() == "846A5369676E61747572653145A2012603004054546869732069732074686520636F6E74656E742E"
    assert PUBLISHED_P256.verify(Alg.ES256, ES256_SIGNATURE, signed)
    assert not PUBLISHED_P256.verify(Alg.ES256, ES256_SIGNATURE, signed + b" ")


def test_what_is_countersigned_is_the_published_structure() -> None:
    """The vector's own `ToBeSign_hex` lacks the signature that RFC 9338, 3.3 puts in; its last array is ours."""
    found = cbor2.loads(cose.to_countersign(bytes.fromhex("A201260300"), b"\xa1\x01\x26", CONTENT, ES256_SIGNATURE))
    assert found == [
        "CounterSignatureV2", bytes.fromhex("A201260300"), b"\xa1\x01\x26", b"", CONTENT, [ES256_SIGNATURE],
    ]  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_a_pass_that_cwt_made_verifies(name: str) -> None:
    shown = passes.decode(passes.PREFIX + base45.encode(bytes.fromhex(PEER[name])))
    assert shown.message.is_signed_by(public_of(KEYS[name]))
    assert (shown.issuer, shown.message.key_id, shown.entitlements) == ("siauliai.passes", b"k1", ("c1",))


def test_a_pass_of_ours_is_the_one_that_cwt_verified() -> None:
    """Byte for byte: Ed25519 signs the same each time."""
    claims = passes.Claims(
        issuer="jelgava",
        pass_id=b"peer-pass",
        expires_s=4_000_000_000,
        not_before_s=1_700_000_000,
        issued_s=1_700_000_000,
        persons=12,
        once=True,
        entitlements=("c1",),
    )
    made = base45.decode(passes.issue(ED25519, claims, key_id=b"k1")[4:])
    assert made == bytes.fromhex(PEER["ours"])


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_one_algorithm_never_fits_a_header_of_the_other(name: str) -> None:
    key = KEYS[name]
    alg = public_of(key).alg
    wrong = Alg.ES256 if alg is Alg.EDDSA else Alg.EDDSA
    protected = cose.protected_header(wrong)
    message = cose.decode(cose.encode(protected, b"p", cose_keys.sign(key, cose.to_sign(protected, b"p"))))
    assert message.alg is wrong
    assert not message.is_signed_by(public_of(key))
    assert not message.is_signed_by(PublicKey(wrong, public_of(key).raw))


@pytest.mark.parametrize("alg", [-35, -36, -37, -257, 5, 0, True, -7.0, "ES256", None])
def test_no_other_algorithm_is_accepted(alg: object) -> None:
    with pytest.raises(InputRefused, match="other than EdDSA and ES256"):
        cose.decode(cose.encode(cbor2.dumps({1: alg}), b"p", bytes(64)))


def test_an_algorithm_that_is_not_signed_does_not_count() -> None:
    with pytest.raises(InputRefused):
        cose.decode(cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({}), {1: -8}, b"p", bytes(64)])))


def test_a_header_that_must_be_understood_is_refused() -> None:
    with pytest.raises(InputRefused, match="asks for what"):
        cose.decode(cose.encode(cbor2.dumps({1: -8, 2: [-99], -99: 1}), b"p", bytes(64)))


@pytest.mark.parametrize("private", [ED25519, P256, generate_private_key(SECP256R1())])
def test_a_key_comes_back_from_each_of_its_forms(private: cose_keys.PrivateKey) -> None:
    key = public_of(private)
    assert cose_keys.from_pem(key.pem()) == key
    again = cose_keys.from_cose_key(cbor2.loads(cbor2.dumps(key.cose_key())))
    assert again.spki() == key.spki()
    assert again.verify(key.alg, cose_keys.sign(private, b"x"), b"x")


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {1: 1, -1: 6, -2: bytes(31)},
        {1: 1, -1: 1, -2: bytes(32)},
        {1: 2, -1: 1, -2: bytes(32)},
        {1: 2, -1: 2, -2: bytes(32), -3: bytes(32)},
        {1: 2, -1: 1, -2: bytes(32), -3: bytes(31)},
    ],
)
def test_what_is_no_cose_key_is_refused(given: object) -> None:
    with pytest.raises(InputRefused):
        cose_keys.from_cose_key(given)


def test_a_point_beside_the_curve_verifies_nothing() -> None:
    assert not PublicKey(Alg.ES256, b"\x04" + bytes(63) + b"\x01").verify(Alg.ES256, bytes(64), b"x")
    with pytest.raises(InputRefused, match="not a point"):
        cose_keys.from_spki(public_of(P256).spki()[:-64] + bytes(63) + b"\x01")


@given(st.sampled_from(sorted(KEYS)), st.binary(max_size=130))
def test_any_bytes_as_a_signature_are_judged(name: str, signature: bytes) -> None:
    key = public_of(KEYS[name])
    assert not key.verify(key.alg, signature, b"x")


@given(st.binary(max_size=160))
def test_any_bytes_as_a_key_are_read_or_refused(raw: bytes) -> None:
    with suppress(InputRefused):
        cose_keys.from_spki(raw)
    with suppress(InputRefused):
        cose_keys.from_spki(public_of(P256).spki()[:27] + raw[:64])
    with suppress(InputRefused):
        cose_keys.from_pem(raw.decode("latin-1"))


_items = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.binary(max_size=40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(-4, 16), inner, max_size=4),
    max_leaves=8,
)


@given(_items, _items, _items)
def test_any_unprotected_header_and_any_countersignature_are_read_or_refused(
    unprotected: object, proof: object, header: object
) -> None:
    protected = cose.protected_header(Alg.EDDSA)
    for given_header in (unprotected, {11: proof}, {11: [cbor2.dumps(header), {}, bytes(64)]}):
        with suppress(InputRefused):
            cose.decode(cbor2.dumps(cbor2.CBORTag(18, [protected, given_header, b"p", bytes(64)])))
