"""Keys as files: read once at the start, checked for their mode, never shown."""

from __future__ import annotations

import base64
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.config.load import Loaded
from gateway.config.types import DeskStation
from gateway.model.errors import ConfigurationError

_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, 4)."""


class Keys(msgspec.Struct, frozen=True):
    """What identity needs. `repr` shows no key."""

    card: bytes
    card_id: str
    sun_meta: bytes | None
    sun_master: bytes | None
    issuers: Mapping[str, Ed25519PublicKey]

    def __repr__(self) -> str:
        return f"Keys(card_id={self.card_id!r}, issuers={sorted(self.issuers)})"


def read_secret(path: Path, size: int, what: str) -> bytes:
    """A secret of `size` bytes, written in hex. Raises `ConfigurationError` when the file is missing, readable by
    others, or holds something else; the message never holds the key."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigurationError(f"{what}: {error}", "Put the key file there", where=str(path)) from error
    except UnicodeDecodeError:
        # Without its cause, which shows a byte of the file.
        raise ConfigurationError(f"{what}: not hex", f"Write {size} bytes in hex", where=str(path)) from None
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"{what}: others may read it", f"chmod 600 {path}", where=str(path))
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise ConfigurationError(f"{what}: not hex", f"Write {size} bytes in hex", where=str(path)) from None
    if len(key) != size:
        advice = f"Write {size} bytes in hex"
        raise ConfigurationError(f"{what}: {len(key)} bytes instead of {size}", advice, where=str(path))
    return key


def read_issuer(path: Path, issuer: str) -> Ed25519PublicKey:
    """The Ed25519 public key of an issuer of passes (PEM). Raises `ConfigurationError`.

    Taken apart here: the library's own loader of all kinds of keys costs a gateway 1.6 MB for one 32-byte key.
    """
    try:
        lines = path.read_text(encoding="ascii").split()
        if lines[:2] != ["-----BEGIN", "PUBLIC"] or lines[-1] != "KEY-----":
            raise ValueError("not a PEM public key")
        encoded = base64.b64decode("".join(lines[3:-3]), validate=True)
    except (OSError, ValueError) as error:
        what = f"key of issuer {issuer}: {error}"
        raise ConfigurationError(what, "Give an Ed25519 public key in PEM", where=str(path)) from error
    if len(encoded) != len(_SPKI) + 32 or not encoded.startswith(_SPKI):
        raise ConfigurationError(f"key of issuer {issuer} is not Ed25519", "Make an Ed25519 key", where=str(path))
    return Ed25519PublicKey.from_public_bytes(encoded[len(_SPKI) :])


def read_staff(loaded: Loaded) -> dict[str, bytes]:
    """Desk → its staff's token, for the desks that have one. Raises `ConfigurationError`."""
    return {
        station.id: read_secret(loaded.path(station.staff), 16, f"staff of {station.id}")
        for station in loaded.configuration.station
        if isinstance(station, DeskStation) and station.staff is not None
    }


def read_keys(loaded: Loaded) -> Keys:
    """All keys by which identity knows people, as the configuration names them. Raises `ConfigurationError`."""
    section = loaded.configuration.keys
    meta, master = section.sun_meta, section.sun_master
    if (meta is None) != (master is None):
        raise ConfigurationError("keys.sun_meta and keys.sun_master go together", where=str(loaded.file))
    return Keys(
        card=read_secret(loaded.path(section.card), 32, "keys.card"),
        card_id=section.card_id,
        sun_meta=read_secret(loaded.path(meta), 16, "keys.sun_meta") if meta else None,
        sun_master=read_secret(loaded.path(master), 16, "keys.sun_master") if master else None,
        issuers={issuer: read_issuer(loaded.path(file), issuer) for issuer, file in section.passes.items()},
    )
