"""Signed bundles: a manifest in minisign format over the content's hash, numbered, expiring, bound to a target.

`SignedBundle` is what travels: the manifest's exact bytes, its signature file and the content. Unknown fields
anywhere refuse the whole bundle. minisign format, prehashed (`ED`): Ed25519 over BLAKE2b-512 of the file, the
trusted comment signed together with the signature (jedisct1/minisign, "Signature format").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.errors import InputRefused

MAX_CONTENT = 8 * 1024 * 1024
MAX_NUMBER = 2**53
"""Of numbers and times: every store and every JSON reader holds these exactly."""


class BundleKind(StrEnum):
    RULES = "rules"
    REGISTRY = "registry"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is signed. `target` is a gateway id, or `*` for all gateways of the city; `number` never goes back
    (per kind); `expires_ms` is when its content stops counting, 0 for never."""

    kind: BundleKind
    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]
    city: str
    target: str
    created_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_CONTENT)]
    expires_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)] = 0


class SignedBundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle on the wire or in a file."""

    manifest: bytes
    signature: str
    content: bytes


class TrustedKey(msgspec.Struct, frozen=True):
    """A public key that may sign bundles: minisign key id (8 bytes) and Ed25519 key (32 bytes)."""

    key_id: bytes
    public: bytes


def parse_public_key(text: str) -> TrustedKey:
    """A minisign public key: the file's two lines, or its base64 line alone. Raises `InputRefused`."""
    line = text.strip().splitlines()[-1] if text.strip() else ""
    raw = _base64(line, 42, "public key")
    if raw[:2] != b"Ed":
        raise InputRefused("not an Ed25519 minisign key", "Make one with `minisign -G`")
    return TrustedKey(raw[2:10], raw[10:42])


def verify(bundle: SignedBundle, trusted: tuple[TrustedKey, ...]) -> Manifest:
    """The manifest, when it is signed by a trusted key and the content is the one it names.

    Says nothing of number, target or expiry: that is the receiver's business. Raises `InputRefused`.
    """
    _check_signature(bundle.manifest, bundle.signature, trusted)
    try:
        manifest = msgspec.json.decode(bundle.manifest, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"manifest: {error}", code="bundle_manifest") from error
    if len(bundle.content) != manifest.size or hashlib.sha256(bundle.content).hexdigest() != manifest.sha256:
        raise InputRefused("the content is not the one that was signed", code="bundle_content")
    return manifest


def _check_signature(data: bytes, signature: str, trusted: tuple[TrustedKey, ...]) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    lines = signature.splitlines()
    if len(lines) < 4 or not lines[2].startswith("trusted comment: "):
        raise InputRefused("not a minisign signature", code="bundle_signature")
    raw, whole = _base64(lines[1], 74, "signature"), _base64(lines[3], 64, "global signature")
    if raw[:2] != b"ED":
        raise InputRefused("signed without prehashing", "Sign with `minisign -SH`", code="bundle_signature")
    key = next((key for key in trusted if key.key_id == raw[2:10]), None)
    if key is None:
        known = ", ".join(key.key_id[::-1].hex().upper() for key in trusted) or "none"
        raise InputRefused(
            f"signed by key {raw[2:10][::-1].hex().upper()}; trusted here: {known}", code="bundle_signature"
        )
    public = Ed25519PublicKey.from_public_bytes(key.public)
    try:
        public.verify(raw[10:], hashlib.blake2b(data, digest_size=64).digest())
        public.verify(whole, raw[10:] + lines[2].removeprefix("trusted comment: ").encode())
    except InvalidSignature as error:
        raise InputRefused("the signature does not fit", code="bundle_signature") from error


def _base64(text: str, length: int, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputRefused(f"{what}: not base64", code="bundle_signature") from error
    if len(raw) != length:
        raise InputRefused(f"{what}: {len(raw)} bytes instead of {length}", code="bundle_signature")
    if base64.b64encode(raw).decode() != text:  # unused bits of the last character are zero (RFC 4648, 3.5)
        raise InputRefused(f"{what}: not canonical base64", code="bundle_signature")
    return raw
