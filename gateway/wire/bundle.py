"""Signed bundles: a manifest in minisign format over the content's hash, numbered, expiring, bound to a target.

`SignedBundle` is what travels: the manifest's exact bytes, its signature file and, when it is small, the content; a
larger one is fetched in chunks (`gateway.wire.chunks`). Unknown fields anywhere refuse the whole bundle. minisign
format, prehashed (`ED`): Ed25519 over BLAKE2b-512 of the file, the trusted comment signed together with the signature
(jedisct1/minisign, "Signature format").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from gateway.model.errors import InputRefused

FORMAT = 2
"""Of the manifest. A gateway refuses every other: a field that it does not know could be one that restricts."""
MAX_CONTENT = 64 * 1024 * 1024
"""Bytes: a registry of a few hundred thousand holders."""
MAX_WHOLE = 64 * 1024
"""Content up to this size may travel with its manifest; then the message stays below 128 kB."""
MAX_PAYLOAD = MAX_WHOLE * 4 // 3 + 16 * 1024
"""Bytes of a bundle's message: base64 makes four bytes of three, the rest is room for manifest and signature."""
MAX_NUMBER = 2**53
"""Of numbers and times: every store and every JSON reader holds these exactly."""
Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Number = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class BundleKind(StrEnum):
    """What a bundle holds. Each kind has its own series of numbers, which never goes back."""

    RULES = "rules"
    REGISTRY = "registry"
    KEYS = "keys"
    """The keys that may sign from now on."""
    BLOCKS = "blocks"
    """Cards that are blocked whatever the registry says."""
    TRUST = "trust"
    """Who issues passes that count here, such as partner cities."""


URGENT = frozenset((BundleKind.KEYS, BundleKind.BLOCKS, BundleKind.TRUST))
"""Small, travel whole, are applied at once, and no person rolls them back."""
MAX_OF_KIND = {
    BundleKind.RULES: 8 * 1024 * 1024,
    BundleKind.REGISTRY: MAX_CONTENT,
    BundleKind.KEYS: MAX_WHOLE,
    BundleKind.BLOCKS: MAX_WHOLE,
    BundleKind.TRUST: MAX_WHOLE,
}
"""Bytes of content."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What is signed. `target` is a gateway id, or `*` for all gateways of the city; `number` never goes back (per
    kind). From `expires_ms` on (0: never) the content counts only while the centre cannot be reached, and for
    `grace_ms` longer at most. `base` is the registry that a delta leads from, `result` the SHA-256 of the registry that
    comes of it; a whole registry has neither. `resized`: it is meant to be much smaller or larger than the one before.
    """

    format: Literal[2]
    kind: BundleKind
    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]
    city: str
    target: str
    created_ms: Number
    sha256: Hash
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_CONTENT)]
    expires_ms: Number = 0
    grace_ms: Number = 0
    base: Number = 0
    result: Hash | Literal[""] = ""
    resized: bool = False

    @property
    def outcome(self) -> str:
        """SHA-256 of what is in force when it is applied: the same for a registry, however it comes."""
        return self.result or self.sha256


class SignedBundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A bundle on the wire or in a file; without `content` the announcement of one."""

    manifest: bytes
    signature: str
    content: bytes | None = None


class TrustedKey(msgspec.Struct, frozen=True):
    """A public key that may sign bundles: minisign key id (8 bytes) and Ed25519 key (32 bytes)."""

    key_id: bytes
    public: bytes

    @property
    def name(self) -> str:
        """The key id as minisign prints it."""
        return self.key_id[::-1].hex().upper()

    @property
    def line(self) -> str:
        """The base64 line of its minisign file."""
        return base64.b64encode(b"Ed" + self.key_id + self.public).decode("ascii")


def parse_public_key(text: str) -> TrustedKey:
    """A minisign public key: the file's two lines, or its base64 line alone. Raises `InputRefused`."""
    line = text.strip().splitlines()[-1] if text.strip() else ""
    raw = _base64(line, 42, "public key")
    if raw[:2] != b"Ed":
        raise InputRefused("not an Ed25519 minisign key", "Make one with `minisign -G`")
    return TrustedKey(raw[2:10], raw[10:42])


def verify(bundle: SignedBundle, trusted: tuple[TrustedKey, ...]) -> Manifest:
    """The manifest, when it is signed by a trusted key and the content is there and is the one it names.

    Says nothing of number, target or expiry: that is the receiver's business. Raises `InputRefused`.
    """
    manifest = open_manifest(bundle, trusted)
    if bundle.content is None:
        raise InputRefused("the content is missing", code="bundle_content")
    check_content(manifest, bundle.content)
    return manifest


def open_manifest(bundle: SignedBundle, trusted: tuple[TrustedKey, ...]) -> Manifest:
    """The manifest, when it is signed by a trusted key and makes sense. Raises `InputRefused`."""
    _check_signature(bundle.manifest, bundle.signature, trusted)
    return read_manifest(bundle.manifest)


def read_manifest(raw: bytes) -> Manifest:
    """A manifest, signed by whom it may be. Raises `InputRefused` (`bundle_manifest`)."""
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"manifest: {error}", code="bundle_manifest") from error
    if fault := _fault(manifest):
        raise InputRefused(f"manifest: {fault}", code="bundle_manifest")
    return manifest


def _fault(manifest: Manifest) -> str:
    """What the types cannot say."""
    kind = manifest.kind
    if manifest.size > MAX_OF_KIND[kind]:
        return f"{manifest.size} bytes are more than {kind} may have"
    if bool(manifest.base) != bool(manifest.result):
        return "base and result go together"
    if manifest.base and (kind is not BundleKind.REGISTRY or manifest.base >= manifest.number):
        return "only a registry leads from an earlier number to a later one"
    if manifest.grace_ms and not manifest.expires_ms:
        return "grace_ms without expires_ms"
    if kind in URGENT and manifest.expires_ms:
        return f"{kind} do not expire"
    return ""


def check_content(manifest: Manifest, content: bytes) -> None:
    """Raises `InputRefused` (`bundle_content`) when it is not the one that was signed."""
    if len(content) != manifest.size or hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise InputRefused("the content is not the one that was signed", code="bundle_content")


def decode_bundle(payload: bytes, limit: int = MAX_PAYLOAD) -> SignedBundle:
    """A bundle from a message of at most `limit` bytes. Raises `InputRefused`."""
    if len(payload) > limit:
        raise InputRefused(f"{len(payload)} bytes are more than any bundle's message has", code="bundle_size")
    try:
        return msgspec.json.decode(payload, type=SignedBundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a bundle: {error}", code="bundle_manifest") from error


def _check_signature(data: bytes, signature: str, trusted: tuple[TrustedKey, ...]) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not signature.strip():
        raise InputRefused("it is not signed", "Sign it: smartplace bundle sign", code="bundle_signature")
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
