"""The signed last word of a gateway's life as a file: written by the box that goes, read by the one that takes its
place, verified by both and by the centre. The file is the message `handover` (`gateway.wire.quota.HandOver`) in JSON;
it names no person and no card."""

from __future__ import annotations

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.model.errors import InputRefused
from gateway.wire.quota import MAX_BYTES, HandOver, QuotaSaid, hand_over_bytes

ADVICE = "Give the file that the old box of this gateway wrote, whole and unchanged"


def is_signed(word: HandOver, gateway: str) -> bool:
    """Whether the key that it names has signed these very words for this gateway. Whose key that is, only the centre
    can know: it has the checkpoints."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(word.key))
        public.verify(bytes.fromhex(word.signature), hand_over_bytes(gateway, word.incarnation, word.closed))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_word(data: bytes, gateway: str) -> HandOver:
    """The last word in a file, fit to be sent to the centre. Raises `InputRefused` (`bad_hand_over`) for what is none,
    was cut or changed, is another gateway's, or is longer than a message of the wire."""
    if len(data) > MAX_BYTES:
        raise _refused(f"{len(data)} bytes are more than a hand-over has")
    try:
        word = msgspec.json.decode(data, type=HandOver)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(f"no hand-over: {error}") from error
    if not is_signed(word, gateway):
        raise _refused(f"it is not signed for {gateway}: another gateway's, or it was changed")
    if len(msgspec.json.encode(QuotaSaid(gateway, (word,)))) > MAX_BYTES:
        raise _refused("it is longer than a message to the centre may be")
    return word


def _refused(what: str) -> InputRefused:
    return InputRefused(what, ADVICE, code="bad_hand_over")
