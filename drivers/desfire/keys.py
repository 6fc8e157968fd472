"""Where the keys are: a port for whoever holds them, and the holder that reads them from a file.

The port asks for no key, only for what is done with one, so that a secure access module (a SAM in a slot of its own)
can stand behind it: its SAM_AuthenticatePICC has the same two steps. No SAM is built yet.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from drivers.desfire import crypto

Random = Callable[[int], bytes]
"""So many unforeseeable bytes: `os.urandom` but in tests."""


class Session(Protocol):
    """The secure messaging that an authentication has opened. Its IV runs on with each step: in the order of the
    conversation, each once."""

    def mac(self, message: bytes) -> bytes:
        """The CMAC, 16 bytes, of what was said."""
        ...

    def decipher(self, blocks: bytes) -> bytes:
        """Whole blocks that the card has encrypted."""
        ...


class Handshake(Protocol):
    """One authentication: first `token`, then `session`, each once."""

    def token(self, challenge: bytes) -> bytes:
        """Our 32 bytes to the card's 16: they prove to it that we hold the key, and challenge it."""
        ...

    def session(self, answer: bytes) -> Session | None:
        """The session when these 16 bytes prove that the card holds the key; None when they do not."""
        ...


class KeyStore(Protocol):
    """Who holds the application's keys."""

    @property
    def versions(self) -> Sequence[int]:
        """Versions of the key that are there, one at least."""
        ...

    def handshake(self, version: int, by: bytes | None) -> Handshake:
        """With the key of a version that is there; made for one card by these bytes (AN10922), when there are any."""
        ...


class FileKeys:
    """Keys in this process's memory. `repr` shows none."""

    def __init__(self, keys: Mapping[int, bytes], random: Random) -> None:
        self._keys = dict(keys)
        self._random = random

    def __repr__(self) -> str:
        return f"FileKeys(versions={sorted(self._keys)})"

    @property
    def versions(self) -> Sequence[int]:
        return sorted(self._keys)

    def handshake(self, version: int, by: bytes | None) -> Handshake:
        key = self._keys[version]
        return _Handshake(key if by is None else crypto.diversified(key, by), self._random(crypto.BLOCK))


class _Handshake:
    """AuthenticateAES (AA): CBC whose IV runs from zero through all three messages."""

    def __init__(self, key: bytes, ours: bytes) -> None:
        self._key, self._ours = key, ours
        self._theirs = self._token = b""

    def token(self, challenge: bytes) -> bytes:
        self._theirs = crypto.decrypt(self._key, crypto.ZERO, challenge)
        self._token = crypto.encrypt(self._key, challenge, self._ours + crypto.rotated(self._theirs))
        return self._token

    def session(self, answer: bytes) -> Session | None:
        said = crypto.decrypt(self._key, self._token[-crypto.BLOCK :], answer)
        if not hmac.compare_digest(said, crypto.rotated(self._ours)):
            return None
        return _Session(crypto.session_key(self._ours, self._theirs))


class _Session:
    def __init__(self, key: bytes) -> None:
        self._key, self._iv = key, crypto.ZERO

    def mac(self, message: bytes) -> bytes:
        self._iv = crypto.cmac(self._key, message, self._iv)
        return self._iv

    def decipher(self, blocks: bytes) -> bytes:
        clear = crypto.decrypt(self._key, self._iv, blocks)
        self._iv = blocks[-crypto.BLOCK :]
        return clear
