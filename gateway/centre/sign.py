"""Keys and signatures in minisign's format, so that stock `minisign` verifies ours and we verify its own.

Formats: jedisct1/minisign, "Key format" and "Signature format". Secret keys are without a password (as with
`minisign -G -W`): the file's mode 0600 protects them. Signatures are prehashed (`ED`), minisign's default.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.model.errors import ConfigurationError
from gateway.wire.bundle import BundleKind, Manifest, SignedBundle, read_manifest

_SECRET_BYTES = 158
_NO_PASSWORD = b"\0\0"


class SigningKey(msgspec.Struct, frozen=True):
    """A secret key: minisign key id (8 bytes) and Ed25519 seed (32 bytes). `repr` hides the seed."""

    key_id: bytes
    seed: bytes

    def __repr__(self) -> str:
        return f"SigningKey({self.name})"

    @property
    def name(self) -> str:
        """The key id as minisign prints it."""
        return f"{int.from_bytes(self.key_id, 'little'):X}"

    @property
    def public(self) -> bytes:
        """The Ed25519 public key."""
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes(*raw)


def generate_key(path: Path) -> str:
    """Make a key, write its secret part to a new file with mode 0600, and return the public key's text.

    Raises `ConfigurationError` when the file is there already: a key is never overwritten.
    """
    key = SigningKey(os.urandom(8), os.urandom(32))
    secret = key.seed + key.public
    # minisign leaves password salt, limits and checksum of a key without a password zero.
    raw = b"Ed" + _NO_PASSWORD + b"B2" + bytes(32 + 8 + 8) + key.key_id + secret + bytes(32)
    text = f"untrusted comment: minisign secret key {key.name}\n{_b64(raw)}\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"cannot make the key file: {error.strerror}", "Name a new file", where=str(path)
        ) from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return public_text(key)


def public_text(key: SigningKey) -> str:
    """The public key as minisign writes it to a file."""
    return f"untrusted comment: minisign public key {key.name}\n{_b64(b'Ed' + key.key_id + key.public)}\n"


def load_key(path: Path) -> SigningKey:
    """A secret key from its file. Raises `ConfigurationError`, also when others may read the file."""
    where = str(path)
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
        raw = base64.b64decode(lines[1] if len(lines) > 1 else "", validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error, ValueError) as error:
        raise ConfigurationError(f"not a readable minisign secret key: {error}", where=where) from error
    if mode & 0o077:
        raise ConfigurationError("others may read this secret key", f"chmod 600 {path}", where=where)
    if len(raw) != _SECRET_BYTES or raw[:2] != b"Ed" or raw[4:6] != b"B2":
        raise ConfigurationError("not a minisign secret key", "Make one with `minisign -G -W`", where=where)
    if raw[2:4] != _NO_PASSWORD:
        raise ConfigurationError(
            "the key has a password", "Make a copy without with `minisign -C -W -s COPY`", where=where
        )
    key = SigningKey(raw[54:62], raw[62:94])
    if key.public != raw[94:126]:
        raise ConfigurationError("the key is damaged", "Restore it from a backup", where=where)
    return key


def sign_manifest(key: SigningKey, manifest: bytes, comment: str) -> str:
    """The signature file of these exact bytes. `comment` (one line) is signed with them."""
    if "\n" in comment or "\r" in comment:
        raise ValueError("a trusted comment is one line")
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    signature = private.sign(hashlib.blake2b(manifest, digest_size=64).digest())
    whole = private.sign(signature + comment.encode())
    return (
        f"untrusted comment: signature from minisign secret key {key.name}\n"
        f"{_b64(b'ED' + key.key_id + signature)}\n"
        f"trusted comment: {comment}\n{_b64(whole)}\n"
    )


def make_manifest(
    kind: BundleKind,
    number: int,
    city: str,
    target: str,
    content: bytes,
    *,
    created_ms: int,
    expires_ms: int = 0,
    grace_ms: int = 0,
    base: int = 0,
    result: str = "",
    resized: bool = False,
) -> bytes:
    """The bytes to sign for this content. Raises `InputRefused` for what a manifest cannot hold (number below 1,
    content too large)."""
    manifest = Manifest(
        format=2,
        kind=kind,
        number=number,
        city=city,
        target=target,
        created_ms=created_ms,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        expires_ms=expires_ms,
        grace_ms=grace_ms,
        base=base,
        result=result,
        resized=resized,
    )
    encoded = msgspec.json.encode(manifest)
    read_manifest(encoded)  # a Struct checks its limits only when decoded
    return encoded


def sign_bundle(key: SigningKey, manifest: bytes, content: bytes) -> SignedBundle:
    """The signed bundle of a manifest and its content. Raises `InputRefused` for a manifest that is none."""
    read = read_manifest(manifest)
    comment = f"timestamp:{read.created_ms // 1000}\t{read.kind} {read.number} for {read.target}\thashed"
    return SignedBundle(manifest, sign_manifest(key, manifest, comment), content)


def build_bundle(
    kind: BundleKind,
    number: int,
    city: str,
    target: str,
    content: bytes,
    key: SigningKey,
    *,
    created_ms: int,
    expires_ms: int = 0,
    grace_ms: int = 0,
    base: int = 0,
    result: str = "",
    resized: bool = False,
) -> SignedBundle:
    """Both steps at once: a signed bundle of this content for a gateway, or for `*`. Raises `InputRefused`."""
    manifest = make_manifest(
        kind,
        number,
        city,
        target,
        content,
        created_ms=created_ms,
        expires_ms=expires_ms,
        grace_ms=grace_ms,
        base=base,
        result=result,
        resized=resized,
    )
    return sign_bundle(key, manifest, content)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
