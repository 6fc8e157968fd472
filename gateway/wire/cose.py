"""COSE_Sign1 messages (RFC 9052, 4.2) and the countersignature in them (RFC 9338), as passes have them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.model.errors import InputRefused
from gateway.wire import cbor
from gateway.wire.cose_keys import Alg, PublicKey

_ALG, _CRIT, _KID, _COUNTERSIGNATURE, _CLAIMS = 1, 2, 4, 11, 15
"""Header parameters: RFC 9052, 3.1; 11 is the countersignature of RFC 9338, 3.1; 15 CWT claims of RFC 9597, 2."""
_SIGN1_TAG = 18
_IAT = 6
MAX_TIME_S = 2**40
MAX_KEY_ID = 32


class Proof(msgspec.Struct, frozen=True):
    """A countersignature over a whole signed message: whoever holds the key had it in hand at `at_s` (since 1970)."""

    alg: Alg
    at_s: int
    protected: bytes
    signature: bytes


class Sign1(msgspec.Struct, frozen=True):
    """A message as it came: nothing is verified. `key_id` is a hint of the signer's, empty for none."""

    alg: Alg
    protected: bytes
    payload: bytes
    signature: bytes
    key_id: bytes = b""
    proof: Proof | None = None

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key signed exactly this, with the algorithm that the header names."""
        return key.verify(self.alg, self.signature, to_sign(self.protected, self.payload))

    def is_proved_by(self, key: PublicKey) -> bool:
        """Whether the countersignature is this key's, over this very message."""
        proof = self.proof
        if proof is None:
            return False
        signed = to_countersign(self.protected, proof.protected, self.payload, self.signature)
        return key.verify(proof.alg, proof.signature, signed)


def to_sign(protected: bytes, payload: bytes) -> bytes:
    """What a COSE_Sign1's signature is over (RFC 9052, 4.4)."""
    return cbor.dumps(["Signature1", protected, b"", payload])


def to_countersign(protected: bytes, own_protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """What a countersignature of a COSE_Sign1 is over: its signature, too (RFC 9338, 3.3)."""
    return cbor.dumps(["CounterSignatureV2", protected, own_protected, b"", payload, [signature]])


def decode(data: bytes) -> Sign1:
    """A message with or without its tag. Raises `InputRefused`; nothing else escapes."""
    message = cbor.loads(data)
    if isinstance(message, cbor.Tag) and message.number == _SIGN1_TAG:
        message = message.value
    if not isinstance(message, list) or len(message) != 4:
        raise InputRefused("not a COSE_Sign1 message")
    protected, unprotected, payload, signature = message
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise InputRefused("not a COSE_Sign1 message")
    if not isinstance(unprotected, Mapping):
        raise InputRefused("its unprotected header is not a map")
    alg, header = _header(protected)
    proof = _proof(unprotected[_COUNTERSIGNATURE]) if _COUNTERSIGNATURE in unprotected else None
    key_id = header.get(_KID, unprotected.get(_KID, b""))
    if not isinstance(key_id, bytes) or len(key_id) > MAX_KEY_ID:
        raise InputRefused("its key id is not a short byte string")
    return Sign1(alg, protected, payload, signature, key_id, proof)


def encode(protected: bytes, payload: bytes, signature: bytes, proof: Proof | None = None) -> bytes:
    """The message's bytes, tagged."""
    own: list[object] = [proof.protected, {}, proof.signature] if proof else []
    unprotected = {_COUNTERSIGNATURE: own} if proof else {}
    return cbor.dumps(cbor.Tag(_SIGN1_TAG, [protected, unprotected, payload, signature]))


def protected_header(alg: Alg, key_id: bytes = b"") -> bytes:
    header: dict[int, object] = {_ALG: int(alg)}
    if key_id:
        header[_KID] = key_id
    return cbor.dumps(header)


def proof_header(alg: Alg, at_s: int) -> bytes:
    return cbor.dumps({_ALG: int(alg), _CLAIMS: {_IAT: at_s}})


def time_of(value: object, claim: str) -> int:
    """Whole seconds since 1970 (RFC 8392 allows fractions; passes have none). Raises `InputRefused`."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MAX_TIME_S:
        raise InputRefused(f"claim {claim} is not a time")
    return value


def _header(protected: bytes) -> tuple[Alg, dict[object, object]]:
    """A protected header and its algorithm, which is one of ours."""
    header = cbor.loads(protected)
    if not isinstance(header, dict):
        raise InputRefused("its protected header is not a map")
    if _CRIT in header:
        raise InputRefused("its header asks for what this version does not know")
    alg = header.get(_ALG)
    if not isinstance(alg, int) or isinstance(alg, bool) or alg not in (Alg.EDDSA, Alg.ES256):
        raise InputRefused("signed with an algorithm other than EdDSA and ES256")
    return Alg(alg), header


def _proof(given: object) -> Proof:
    if not isinstance(given, list) or len(given) != 3:
        raise InputRefused("its countersignature is none, or more than one")
    protected, _unprotected, signature = given
    if not isinstance(protected, bytes) or not isinstance(signature, bytes):
        raise InputRefused("its countersignature is none, or more than one")
    alg, header = _header(protected)
    claims = header.get(_CLAIMS)
    if not isinstance(claims, dict):
        raise InputRefused("its countersignature does not say when it was made")
    return Proof(alg, time_of(claims.get(_IAT), "iat"), protected, signature)
