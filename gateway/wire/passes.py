"""The city's signed pass: CWT claims in a COSE_Sign1 (EdDSA), as base45 text behind `SP1:` in a QR code.

RFC 8392 (CWT), RFC 9052 (COSE, section 4.2), RFC 9285 (base45). Claims used: iss, exp, nbf, cti (the pass id).
Base45 keeps the code in alphanumeric mode and survives scanners that mangle bytes.
"""

from __future__ import annotations

import io

import cbor2
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.model.errors import InputRefused

PREFIX = b"SP1:"
MAX_TEXT = 1024
"""Characters of a pass at most: a version 20 QR code is beyond what a phone shows well."""
_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}

_ALG, _KID, _EDDSA = 1, 4, -8
_ISS, _EXP, _NBF, _CTI = 1, 4, 5, 7
_SIGN1_TAG = 18


class Pass(msgspec.Struct, frozen=True):
    """A pass as it was shown, not yet verified: `verify` says whether its issuer signed it."""

    issuer: str
    pass_id: str
    not_before_ms: int
    expires_ms: int
    signed: bytes
    signature: bytes

    def verify(self, key: Ed25519PublicKey) -> bool:
        """Whether this key signed exactly these claims."""
        try:
            key.verify(self.signature, self.signed)
        except InvalidSignature:
            return False
        return True


def decode(text: bytes) -> Pass:
    """The pass in a code's bytes (with its prefix). Raises `InputRefused`; nothing else escapes."""
    if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
        raise InputRefused("not a pass of this city's kind")
    message = _loads(base45_decode(text[len(PREFIX) :]))
    if isinstance(message, cbor2.CBORTag) and message.tag == _SIGN1_TAG:
        message = message.value
    if not isinstance(message, list | tuple) or len(message) != 4:
        raise InputRefused("not a COSE_Sign1 message")
    protected, _unprotected, payload, signature = message
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise InputRefused("not a COSE_Sign1 message")
    header = _loads(protected)
    if not isinstance(header, dict) or header.get(_ALG) != _EDDSA:
        raise InputRefused("signed with an algorithm other than EdDSA")
    claims = _loads(payload)
    if not isinstance(claims, dict):
        raise InputRefused("its claims are not a map")
    issuer, pass_id = claims.get(_ISS), claims.get(_CTI)
    if not isinstance(issuer, str) or not isinstance(pass_id, bytes) or not 1 <= len(pass_id) <= 32 or not issuer:
        raise InputRefused("claims iss and cti are missing or of another type")
    expires, not_before = _time(claims.get(_EXP), "exp"), _time(claims.get(_NBF, 0), "nbf")
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    return Pass(issuer, pass_id.hex(), not_before * 1000, expires * 1000, signed, signature)


def issue(
    key: Ed25519PrivateKey,
    issuer: str,
    pass_id: bytes,
    expires_s: int,
    *,
    not_before_s: int = 0,
    key_id: bytes = b"",
) -> bytes:
    """A signed pass as the text of a QR code. For the city's issuer, for tests and small cities."""
    claims: dict[int, object] = {_ISS: issuer, _EXP: expires_s, _CTI: pass_id}
    if not_before_s:
        claims[_NBF] = not_before_s
    header: dict[int, object] = {_ALG: _EDDSA}
    if key_id:
        header[_KID] = key_id
    protected, payload = cbor2.dumps(header), cbor2.dumps(claims)
    signature = key.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    message = cbor2.dumps(cbor2.CBORTag(_SIGN1_TAG, [protected, {}, payload, signature]))
    return PREFIX + base45_encode(message)


def base45_encode(data: bytes) -> bytes:
    """RFC 9285: two bytes as three characters, a last single byte as two."""
    out = bytearray()
    for index in range(0, len(data) - 1, 2):
        value = data[index] << 8 | data[index + 1]
        out += bytes((_ALPHABET[value % 45], _ALPHABET[value // 45 % 45], _ALPHABET[value // 2025]))
    if len(data) % 2:
        out += bytes((_ALPHABET[data[-1] % 45], _ALPHABET[data[-1] // 45]))
    return bytes(out)


def base45_decode(text: bytes) -> bytes:
    """RFC 9285. Raises `InputRefused` for anything that no encoder makes."""
    if len(text) % 3 == 1:
        raise InputRefused("not base45: one character too many")
    out = bytearray()
    try:
        values = [_VALUE[character] for character in text]
    except KeyError as error:
        raise InputRefused("not base45: a character outside its alphabet") from error
    for index in range(0, len(values), 3):
        group = values[index : index + 3]
        value = sum(digit * 45**power for power, digit in enumerate(group))
        size = len(group) - 1
        if value >= 256**size:
            raise InputRefused("not base45: a group out of range")
        out += value.to_bytes(size, "big")
    return bytes(out)


def _time(value: object, claim: str) -> int:
    """Whole seconds since 1970 (RFC 8392 allows fractions; this city's passes have none)."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise InputRefused(f"claim {claim} is not a time")
    return value


def _loads(data: bytes) -> object:
    """One CBOR item and nothing after it."""
    stream = io.BytesIO(data)
    try:
        item: object = cbor2.CBORDecoder(stream).decode()
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise InputRefused(f"not CBOR: {type(error).__name__}") from error
    if stream.read(1):
        raise InputRefused("something follows the CBOR item")
    return item
