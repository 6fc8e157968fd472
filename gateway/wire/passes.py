"""The city's signed pass: CWT claims in a COSE_Sign1 (EdDSA or ES256), as base45 text behind `SP1:` in a QR code.

RFC 8392 (CWT), RFC 8747 (cnf), RFC 9052 and 9338 (`gateway.wire.cose`). Claims of ours have keys below -65536, which
RFC 8392 (9.1) leaves to private use. Base45 keeps the code in alphanumeric mode. A pass is not compressed: compression
makes one of this size longer, and what inflates has to be bounded.
"""

from __future__ import annotations

import re

import msgspec

from gateway.model.errors import InputRefused
from gateway.wire import base45, cbor, cose, cose_keys
from gateway.wire.cose_keys import PrivateKey, PublicKey

PREFIX = b"SP1:"
MAX_TEXT = 1024
"""Characters of a pass at most: a version 20 QR code is beyond what a phone shows well."""
MAX_PERSONS = 99
MAX_ENTITLEMENTS = 32
MAX_SUBJECT = 64
MAX_PASS_ID = 32
ENTITLEMENTS, ONCE, PERSONS = -65537, -65538, -65539
"""Our own claims: codes of entitlements; used up by its first use; how many persons come with it."""
_ISS, _SUB, _AUD, _EXP, _NBF, _IAT, _CTI, _CNF = range(1, 9)
_COSE_KEY = 1
"""In `cnf`: a key that is not encrypted (RFC 8747, 3.2)."""
_PRIVATE = -65536
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")
_ZLIB = 0x78


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """A pass as it was shown, not yet verified: `message.is_signed_by` says whether its issuer signed it.

    `subject` is whom it is of, in the issuer's own words; empty when every pass is somebody of its own. `entitlements`
    is None when it claims none, and somebody else has to know. `phone`: it counts only with a fresh proof of this key.
    """

    issuer: str
    pass_id: str
    expires_ms: int
    message: cose.Sign1
    not_before_ms: int = 0
    issued_ms: int = 0
    subject: str = ""
    entitlements: tuple[str, ...] | None = None
    once: bool = False
    persons: int = 1
    phone: PublicKey | None = None

    def __repr__(self) -> str:
        return f"Pass(issuer={self.issuer!r})"

    @property
    def proof_holds(self) -> bool:
        """Whether the phone that it was issued to has countersigned it, whenever that was."""
        return self.phone is not None and self.message.is_proved_by(self.phone)


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be signed. Times in seconds since 1970, 0 for absent."""

    issuer: str
    pass_id: bytes
    expires_s: int
    not_before_s: int = 0
    issued_s: int = 0
    subject: str = ""
    entitlements: tuple[str, ...] | None = None
    once: bool = False
    persons: int = 1
    phone: PublicKey | None = None

    def __repr__(self) -> str:
        return f"Claims(issuer={self.issuer!r})"


def decode(text: bytes) -> Pass:
    """The pass in a code's bytes (with its prefix). Raises `InputRefused`; nothing else escapes."""
    if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
        raise InputRefused("not a pass of this city's kind")
    raw = base45.decode(text[len(PREFIX) :])
    if raw[:1] == bytes((_ZLIB,)):
        raise InputRefused("it is compressed", "Issue it without zlib")
    message = cose.decode(raw)
    claims = cbor.loads(message.payload)
    if not isinstance(claims, dict):
        raise InputRefused("its claims are not a map")
    return _pass(claims, message)


def _pass(claims: dict[object, object], message: cose.Sign1) -> Pass:
    for key in claims:
        if isinstance(key, int) and key < _PRIVATE and key not in (ENTITLEMENTS, ONCE, PERSONS):
            raise InputRefused(f"claim {key} is not known here", "Install a newer version")
    if _AUD in claims:
        raise InputRefused("it is meant for an audience (aud)", "Issue it without")
    issuer, pass_id = claims.get(_ISS), claims.get(_CTI)
    if not isinstance(issuer, str) or not isinstance(pass_id, bytes) or not issuer:
        raise InputRefused("claims iss and cti are missing or of another type")
    if not 1 <= len(pass_id) <= MAX_PASS_ID:
        raise InputRefused(f"claim cti has 1 to {MAX_PASS_ID} bytes")
    return Pass(
        issuer=issuer,
        pass_id=pass_id.hex(),
        expires_ms=cose.time_of(claims.get(_EXP), "exp") * 1000,
        message=message,
        not_before_ms=cose.time_of(claims.get(_NBF, 0), "nbf") * 1000,
        issued_ms=cose.time_of(claims.get(_IAT, 0), "iat") * 1000,
        subject=_subject(claims.get(_SUB, "")),
        entitlements=_entitlements(claims.get(ENTITLEMENTS)),
        once=_flag(claims.get(ONCE, False)),
        persons=_persons(claims.get(PERSONS, 1)),
        phone=_phone(claims[_CNF]) if _CNF in claims else None,
    )


def issue(key: PrivateKey, claims: Claims, *, key_id: bytes = b"") -> bytes:
    """A signed pass as the text of a QR code. For the city's issuer, for tests and small cities.

    Raises `InputRefused` for claims that no gateway would read.
    """
    given: dict[int, object] = {_ISS: claims.issuer, _EXP: claims.expires_s, _CTI: claims.pass_id}
    optional: tuple[tuple[int, object], ...] = (
        (_SUB, claims.subject),
        (_NBF, claims.not_before_s),
        (_IAT, claims.issued_s),
        (_CNF, {_COSE_KEY: claims.phone.cose_key()} if claims.phone else None),
        (ONCE, claims.once),
        (PERSONS, claims.persons if claims.persons != 1 else 0),
    )
    given |= {number: value for number, value in optional if value}
    if claims.entitlements is not None:
        given[ENTITLEMENTS] = list(claims.entitlements)
    payload = cbor.dumps(given)
    protected = cose.protected_header(cose_keys.public_of(key).alg, key_id)
    signature = cose_keys.sign(key, cose.to_sign(protected, payload))
    return _text(cose.encode(protected, payload, signature))


def prove(text: bytes, phone: PrivateKey, at_s: int) -> bytes:
    """The pass as the phone shows it at this time: with a countersignature of its key. Raises `InputRefused`."""
    message = decode(text).message
    own = cose.proof_header(cose_keys.public_of(phone).alg, at_s)
    signed = cose.to_countersign(message.protected, own, message.payload, message.signature)
    proof = cose.Proof(cose_keys.public_of(phone).alg, at_s, own, cose_keys.sign(phone, signed))
    return _text(cose.encode(message.protected, message.payload, message.signature, proof))


def _text(message: bytes) -> bytes:
    text = PREFIX + base45.encode(message)
    decode(text)
    return text


def _subject(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_SUBJECT:
        raise InputRefused(f"claim sub is a text of at most {MAX_SUBJECT} characters")
    return value


def _entitlements(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_ENTITLEMENTS:
        raise InputRefused(f"entitlements are at most {MAX_ENTITLEMENTS} codes")
    if not all(isinstance(code, str) and _CODE.fullmatch(code) for code in value):
        raise InputRefused("an entitlement is not a code as rules name them")
    return tuple(sorted({str(code) for code in value}))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InputRefused("whether it counts once is true or false")
    return value


def _persons(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PERSONS:
        raise InputRefused(f"a pass is for 1 to {MAX_PERSONS} persons")
    return value


def _phone(value: object) -> PublicKey:
    if not isinstance(value, dict) or _COSE_KEY not in value:
        raise InputRefused("claim cnf holds no key", "Only a COSE_Key is known here")
    return cose_keys.from_cose_key(value[_COSE_KEY])
