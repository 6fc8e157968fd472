"""Key files: hex, of the right size, for nobody else's eyes; an error names the file and never shows the key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.identity.keys import Keys, read_issuer, read_secret
from gateway.model.errors import ConfigurationError
from gateway.wire.cose_keys import PrivateKey, public_of

KEY = bytes(range(0xA0, 0xB0))


def write(path: Path, text: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_secret_of_its_owner_is_read(tmp_path: Path, mode: int) -> None:
    assert read_secret(write(tmp_path / "k", KEY.hex().encode() + b"\n", mode), 16, "keys.card") == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o644])
def test_a_secret_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    file = write(tmp_path / "k", KEY.hex().encode(), mode)
    with pytest.raises(ConfigurationError, match=re.escape(f"chmod 600 {file}")):
        read_secret(file, 16, "keys.card")


@pytest.mark.parametrize(
    "text", [b"", KEY.hex().encode()[:-2], KEY.hex().encode() + b"00", b"x" * 32, KEY, "ā".encode() * 16]
)
def test_anything_else_is_refused_without_being_shown(tmp_path: Path, text: bytes) -> None:
    file = write(tmp_path / "k", text)
    with pytest.raises(ConfigurationError) as caught:
        read_secret(file, 16, "keys.card")
    told = str(caught.value) + repr(caught.value.__cause__)
    assert str(file) in told
    assert "keys.card" in told
    assert KEY.hex()[:8] not in told
    assert "0x" not in told


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read_secret(tmp_path / "none", 16, "keys.card")
    with pytest.raises(ConfigurationError):
        read_issuer(tmp_path / "none", "jelgava")


@pytest.mark.parametrize("private", [Ed25519PrivateKey.generate(), generate_private_key(SECP256R1())])
def test_an_issuers_key_is_an_ed25519_or_p_256_pem(tmp_path: Path, private: PrivateKey) -> None:
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert read_issuer(write(tmp_path / "i", public), "jelgava") == public_of(private)
    assert public_of(private).pem().encode() == public


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    other = generate_private_key(SECP384R1()).public_key()
    for text in (other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), b"not a key"):
        with pytest.raises(ConfigurationError):
            read_issuer(write(tmp_path / "i", text), "jelgava")


def test_keys_do_not_show_themselves() -> None:
    keys = Keys(KEY, "k1", KEY, KEY, {})
    assert KEY.hex() not in repr(keys)
    assert repr(KEY) not in repr(keys)
