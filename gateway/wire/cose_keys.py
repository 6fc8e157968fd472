"""Keys that sign passes: two algorithms and no other, each with its own kind of key, so that none is taken for another.

EdDSA with Ed25519 (RFC 9053, 2.2; RFC 8032) and ES256 with P-256 (RFC 9053, 2.1). Signatures of both have 64 bytes.
"""

from __future__ import annotations

import base64
import binascii
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.model.errors import InputRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

PrivateKey: TypeAlias = "Ed25519PrivateKey | EllipticCurvePrivateKey"
"""What may sign. The second is imported only by whoever has one."""

SIGNATURE_BYTES = 64
_ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, 4)."""
_P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""The same before the 65 bytes of a point of P-256 that is not compressed (RFC 5480, 2)."""
_KTY, _CRV, _X, _Y = 1, -1, -2, -3
_OKP, _EC2, _CRV_ED25519, _CRV_P256 = 1, 2, 6, 1


class Alg(IntEnum):
    """COSE algorithms that are accepted (RFC 9053)."""

    EDDSA = -8
    ES256 = -7


class PublicKey(msgspec.Struct, frozen=True):
    """A public key: 32 bytes of Ed25519, or a point of P-256 (65 bytes, or 33 when it is compressed)."""

    alg: Alg
    raw: bytes

    def verify(self, alg: Alg, signature: bytes, signed: bytes) -> bool:
        """Whether this key signed exactly this with its own algorithm. A header that names another one never fits."""
        if alg is not self.alg or len(signature) != SIGNATURE_BYTES:
            return False
        try:
            if self.alg is Alg.EDDSA:
                Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, signed)
            else:
                _verify_es256(_point(self.raw), signature, signed)
        except (InvalidSignature, ValueError):
            return False
        return True

    def cose_key(self) -> dict[int, object]:
        """As a COSE_Key (RFC 9052, 7), as a pass carries the key of a phone."""
        if self.alg is Alg.EDDSA:
            return {_KTY: _OKP, _CRV: _CRV_ED25519, _X: self.raw}
        x = self.raw[1:33]
        odd = self.raw[0] == 3 if len(self.raw) == 33 else bool(self.raw[-1] & 1)
        return {_KTY: _EC2, _CRV: _CRV_P256, _X: x, _Y: odd}

    def spki(self) -> bytes:
        """As SubjectPublicKeyInfo (DER): what stands in base64 in a PEM file."""
        if self.alg is Alg.EDDSA:
            return _ED25519_SPKI + self.raw
        numbers = _point(self.raw).public_numbers()
        return _P256_SPKI + b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    def pem(self) -> str:
        """The file as `openssl pkey -pubout` writes it."""
        text = base64.b64encode(self.spki()).decode("ascii")
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        return "\n".join(("-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""))


def from_spki(der: bytes) -> PublicKey:
    """A key out of its SubjectPublicKeyInfo. Raises `InputRefused` for every other kind of key.

    Taken apart here: the library's own loader of all kinds of keys costs a gateway 1.6 MB for one small key.
    """
    if len(der) == len(_ED25519_SPKI) + 32 and der.startswith(_ED25519_SPKI):
        return PublicKey(Alg.EDDSA, der[len(_ED25519_SPKI) :])
    if len(der) == len(_P256_SPKI) + 65 and der.startswith(_P256_SPKI):
        raw = der[len(_P256_SPKI) :]
        try:
            _point(raw)
        except ValueError as error:
            raise InputRefused("not a point of P-256") from error
        return PublicKey(Alg.ES256, raw)
    raise InputRefused("it is neither Ed25519 nor P-256", "Make one: smartplace pass key")


def from_base64(text: str) -> PublicKey:
    """A key as the lines between BEGIN and END of its PEM file. Raises `InputRefused`."""
    try:
        der = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputRefused("not base64") from error
    return from_spki(der)


def from_pem(text: str) -> PublicKey:
    """A public key's PEM file. Raises `InputRefused`."""
    words = text.split()
    if words[:3] != ["-----BEGIN", "PUBLIC", "KEY-----"] or words[-3:] != ["-----END", "PUBLIC", "KEY-----"]:
        raise InputRefused("not a PEM public key")
    return from_base64("".join(words[3:-3]))


def from_cose_key(given: object) -> PublicKey:
    """A key as a COSE_Key. Raises `InputRefused` for what is no Ed25519 or P-256 key; whether a point lies on its curve
    shows when it verifies."""
    if not isinstance(given, dict):
        raise InputRefused("a COSE_Key is a map")
    x, y = given.get(_X), given.get(_Y)
    if not isinstance(x, bytes) or len(x) != 32:
        raise InputRefused("a COSE_Key has an x of 32 bytes")
    match given.get(_KTY), given.get(_CRV):
        case int(kty), int(crv) if (kty, crv) == (_OKP, _CRV_ED25519):
            return PublicKey(Alg.EDDSA, x)
        case int(kty), int(crv) if (kty, crv) == (_EC2, _CRV_P256):
            if isinstance(y, bool):
                return PublicKey(Alg.ES256, (b"\x03" if y else b"\x02") + x)
            if isinstance(y, bytes) and len(y) == 32:
                return PublicKey(Alg.ES256, b"\x04" + x + y)
    raise InputRefused("a COSE_Key that is neither Ed25519 nor P-256")


def public_of(key: PrivateKey) -> PublicKey:
    """The public half. Raises `InputRefused` for a curve other than P-256."""
    from cryptography.hazmat.primitives import serialization

    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    return from_spki(key.public_key().public_bytes(serialization.Encoding.DER, shape))


def sign(key: PrivateKey, data: bytes) -> bytes:
    """The 64 bytes of a signature with this key's own algorithm."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(key.sign(data, ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _point(raw: bytes) -> EllipticCurvePublicKey:
    """Raises `ValueError` for what does not lie on the curve."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

    return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)


def _verify_es256(key: Any, signature: bytes, signed: bytes) -> None:
    """Raises `InvalidSignature`. COSE has r and s with 32 bytes each (RFC 9053, 2.1), the library wants DER."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(r, s), signed, ECDSA(hashes.SHA256()))
