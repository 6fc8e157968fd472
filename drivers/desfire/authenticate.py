"""The conversation in which a DESFire card proves itself. Pure: a card is a function from a command APDU to a response
APDU, which raises what its reader has for a card that left.

Native commands in ISO/IEC 7816-4 frames, `90 INS 00 00 [Lc data] 00`, answered with data and `91 status`: the same for
DESFire EV1, EV2 and EV3. Commands: 5A SelectApplication, 64 GetKeyVersion, AA AuthenticateAES, AF its second half,
51 GetCardUID.

Guarantee: whatever a card answers, `prove` ends after `COMMANDS` commands at most, raises nothing of its own, and is
`Proved` only when the card has answered our fresh random number with the key.
"""

from __future__ import annotations

import hmac

import msgspec

from drivers.desfire.crypto import BLOCK, crc32
from drivers.desfire.keys import KeyStore, Session
from drivers.desfire.outcome import Failed, Outcome, Proved, Transmit, Why

COMMANDS = 5
OK, _MORE = b"\x91\x00", b"\x91\xaf"
_UID_BYTES = 7
"""Of every DESFire's own UID as `51` tells it; those with 10 bytes are not known to us."""
_RANDOM_UID, _RANDOM_FIRST = 4, 0x08
"""A random UID (ISO/IEC 14443-3, 6.5.4) has 4 bytes and begins with 08."""


class Wanted(msgspec.Struct, frozen=True):
    """What the city's cards prove themselves with."""

    application: bytes
    key_number: int
    diversified: bool
    system_id: bytes


class Opened(msgspec.Struct, frozen=True):
    """A card that has proved itself, and what may be said to it under the session's key."""

    proved: Proved
    session: Session


def prove(transmit: Transmit, wanted: Wanted, keys: KeyStore, uid: bytes) -> Outcome:
    """Ask the card with this UID for its proof."""
    opened = open_session(transmit, wanted, keys, uid)
    return opened.proved if isinstance(opened, Opened) else opened


def open_session(transmit: Transmit, wanted: Wanted, keys: KeyStore, uid: bytes) -> Opened | Failed | None:
    """The same, for who has more to say to the card then."""
    if transmit(command(0x5A, wanted.application)) != OK:
        return None
    version = _version(transmit, wanted, keys)
    if version is None:
        return Failed(Why.KEY_VERSION)
    challenge = answered(transmit(command(0xAA, bytes([wanted.key_number]))), _MORE, BLOCK)
    if challenge is None:
        return Failed(Why.REFUSED)
    handshake = keys.handshake(version, uid + wanted.application + wanted.system_id if wanted.diversified else None)
    answer = answered(transmit(command(0xAF, handshake.token(challenge))), OK, BLOCK)
    if answer is None:
        return Failed(Why.REFUSED)
    session = handshake.session(answer)
    if session is None:
        return Failed(Why.WRONG_ANSWER)
    # A diversified key is made from the UID: only the card that has it passes. Of another key all cards have the same:
    # it proves that some card of the city is there, and that one has to say under the session's key which it is.
    own = uid if wanted.diversified else _own_uid(transmit, session)
    if own is None or (own != uid and not _is_random(uid)):
        return Failed(Why.OTHER_UID)
    return Opened(Proved(own, version), session)


def _version(transmit: Transmit, wanted: Wanted, keys: KeyStore) -> int | None:
    """Which of our keys to try. What the card says of it is no proof: only which key it is asked for hangs on it."""
    versions = keys.versions
    if len(versions) == 1:
        return versions[0]
    said = answered(transmit(command(0x64, bytes([wanted.key_number]))), OK, 1)
    return said[0] if said is not None and said[0] in versions else None


def _own_uid(transmit: Transmit, session: Session) -> bytes | None:
    """GetCardUID, encrypted, with a checksum over UID and status. Its own MAC is not sent, yet moves the IV."""
    session.mac(b"\x51")
    blocks = answered(transmit(command(0x51)), OK, BLOCK)
    if blocks is None:
        return None
    clear = session.decipher(blocks)
    uid, rest = clear[:_UID_BYTES], clear[_UID_BYTES:]
    return uid if hmac.compare_digest(rest, crc32(uid + b"\0").ljust(len(rest), b"\0")) else None


def _is_random(uid: bytes) -> bool:
    return len(uid) == _RANDOM_UID and uid[0] == _RANDOM_FIRST


def command(instruction: int, data: bytes = b"") -> bytes:
    """A native command in its frame."""
    return bytes([0x90, instruction, 0, 0]) + (bytes([len(data)]) + data if data else b"") + b"\0"


def answered(response: bytes, status: bytes, size: int) -> bytes | None:
    """The data of an answer with this status and so many bytes of data."""
    return response[:-2] if response[-2:] == status and len(response) == size + 2 else None
