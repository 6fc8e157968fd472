"""Signed bundles: minisign's own signatures verify here, and nothing that was changed does."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.sign import SigningKey, build_bundle, public_text, sign_manifest
from gateway.model.errors import InputRefused
from gateway.wire.bundle import (
    MAX_PAYLOAD,
    BundleKind,
    Manifest,
    SignedBundle,
    TrustedKey,
    decode_bundle,
    parse_public_key,
    read_manifest,
    verify,
)
from tests.support.programs import require_program

KEY = SigningKey(b"12345678", bytes(range(32)))
OTHER = SigningKey(b"87654321", bytes(32))
TRUSTED = (parse_public_key(public_text(KEY)),)
CONTENT = b'{"schema":1,"rules":[]}'


def bundle(content: bytes = CONTENT, key: SigningKey = KEY, number: int = 3) -> SignedBundle:
    return build_bundle(BundleKind.RULES, number, "jelgava", "*", content, key, created_ms=1_795_424_400_000)


def signed(manifest: bytes, content: bytes = CONTENT) -> SignedBundle:
    return SignedBundle(manifest, sign_manifest(KEY, manifest, "test"), content)


def manifest(**changed: object) -> bytes:
    plain = msgspec.json.decode(bundle().manifest)
    return msgspec.json.encode({**plain, **changed})


def refused(candidate: SignedBundle, trusted: tuple[TrustedKey, ...] = TRUSTED) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        verify(candidate, trusted)
    return caught.value


@given(st.binary(max_size=500), st.integers(1, 2**53))
def test_what_a_trusted_key_signed_verifies(content: bytes, number: int) -> None:
    found = verify(bundle(content, number=number), TRUSTED)
    assert (found.number, found.size, found.sha256) == (number, len(content), hashlib.sha256(content).hexdigest())


def test_a_signature_of_stock_minisign_verifies(tmp_path: Path) -> None:
    minisign = require_program("minisign", "minisign")
    public, secret, file = tmp_path / "k.pub", tmp_path / "k.key", tmp_path / "manifest"
    file.write_bytes(bundle().manifest)
    subprocess.run([minisign, "-GW", "-p", public, "-s", secret], check=True, capture_output=True)
    subprocess.run([minisign, "-SH", "-s", secret, "-m", file], check=True, capture_output=True)
    signature = (tmp_path / "manifest.minisig").read_text()
    trusted = (parse_public_key(public.read_text()),)
    assert verify(SignedBundle(file.read_bytes(), signature, CONTENT), trusted).number == 3


def test_the_newest_of_several_keys_may_sign() -> None:
    trusted = (parse_public_key(public_text(OTHER)), *TRUSTED)
    assert verify(bundle(), trusted).number == 3


def test_a_strangers_signature_is_refused_and_names_the_keys() -> None:
    error = refused(bundle(key=OTHER))
    assert OTHER.name in str(error)
    assert KEY.name in str(error)


def test_a_strangers_signature_under_our_key_id_is_refused() -> None:
    assert "does not fit" in str(refused(bundle(key=SigningKey(KEY.key_id, bytes(32)))))


def test_another_content_is_refused() -> None:
    assert refused(msgspec.structs.replace(bundle(), content=CONTENT + b" ")).code == "bundle_content"
    assert refused(msgspec.structs.replace(bundle(), content=CONTENT[:-1] + b" ")).code == "bundle_content"


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_byte_of_the_manifest_can_be_changed(at: int, change: int) -> None:
    whole = bundle()
    raw = bytearray(whole.manifest)
    raw[at % len(raw)] ^= change
    assert refused(msgspec.structs.replace(whole, manifest=bytes(raw))).code == "bundle_signature"


@given(st.integers(0, 10_000), st.characters(max_codepoint=0x7F))
def test_no_character_of_the_signature_can_be_changed(at: int, put: str) -> None:
    whole = bundle()
    lines = whole.signature.splitlines(keepends=True)
    text = "".join(lines[1:])  # the first line is a comment that nobody signs
    at %= len(text)
    changed = lines[0] + text[:at] + put + text[at + 1 :]
    try:
        verify(msgspec.structs.replace(whole, signature=changed), TRUSTED)
    except InputRefused:
        return
    assert changed.splitlines()[1:4] == whole.signature.splitlines()[1:4]


@given(st.text(max_size=300))
def test_any_signature_file_is_refused_without_more(text: str) -> None:
    refused(msgspec.structs.replace(bundle(), signature=text))


@given(st.text(max_size=100), st.text(max_size=100))
def test_any_trusted_comment_is_refused_without_more(comment: str, line: str) -> None:
    lines = bundle().signature.splitlines()
    refused(
        msgspec.structs.replace(
            bundle(), signature="\n".join([comment, lines[1], f"trusted comment: {line}", lines[3]])
        )
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"number": 0},
        {"number": 2**53 + 1},
        {"number": 2**70},
        {"kind": "weather"},
        {"extra": 1},
        {"size": -1},
        {"size": 9 * 1024 * 1024},
        {"kind": "registry", "size": 65 * 1024 * 1024},
        {"kind": "keys", "size": 70_000},
        {"kind": "blocks", "expires_ms": 5},
        {"format": 1},
        {"format": 3},
        {"base": 1},
        {"base": 1, "result": "0" * 64},
        {"kind": "registry", "base": 3, "result": "0" * 64},
        {"kind": "registry", "base": 2, "result": "A"},
        {"grace_ms": 5},
        {"sha256": "A" * 64},
        {"expires_ms": -1},
        {"expires_ms": 2**63},
    ],
)
def test_a_manifest_that_this_version_does_not_understand_is_refused(changed: dict[str, object]) -> None:
    assert refused(signed(manifest(**changed))).code == "bundle_manifest"


def test_a_signed_file_that_is_no_manifest_is_refused() -> None:
    for raw in (b"", b"{}", b"[" * 100_000, b"\xff"):
        assert refused(signed(raw)).code == "bundle_manifest"


def test_a_signature_without_prehashing_is_refused() -> None:
    whole = bundle()
    refused_for = refused(msgspec.structs.replace(whole, signature=whole.signature.replace("RU", "RW", 1)))
    assert refused_for.code == "bundle_signature"


def test_without_keys_nothing_is_trusted() -> None:
    assert "none" in str(refused(bundle(), ()))


@given(st.text(max_size=120))
def test_any_public_key_text_is_parsed_or_refused(text: str) -> None:
    with pytest.raises(InputRefused):
        parse_public_key(text)


def test_a_manifest_on_the_wire_is_its_exact_bytes() -> None:
    whole = bundle()
    travelled = msgspec.json.decode(msgspec.json.encode(whole), type=SignedBundle)
    assert travelled == whole
    assert msgspec.json.decode(travelled.manifest, type=Manifest).kind is BundleKind.RULES


@given(st.binary(max_size=300))
def test_any_bytes_are_a_manifest_or_a_bundle_or_refused(raw: bytes) -> None:
    for decode in (read_manifest, decode_bundle):
        with contextlib.suppress(InputRefused):
            decode(raw)


def test_a_message_larger_than_any_bundle_is_not_decoded() -> None:
    with pytest.raises(InputRefused, match="more than any"):
        decode_bundle(b"{" * (MAX_PAYLOAD + 1))


def test_a_delta_names_what_it_leads_to() -> None:
    assert read_manifest(manifest()).outcome == read_manifest(manifest()).sha256
    result = "ab" * 32
    assert read_manifest(manifest(kind="registry", number=3, base=2, result=result)).outcome == result
