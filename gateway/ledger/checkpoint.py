"""Signed checkpoints: this gateway's own key says, from time to time, how far every stream had come.

Who rewrites the file later, without the key, cannot make these entries fit. The key is a file of 32 random bytes
(Ed25519 private key, RFC 8032), for its owner only, made at the first start; its public half travels in every
checkpoint.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.ledger.files import Disk
from gateway.ledger.rows import digest_at
from gateway.model.bodies import CheckpointBody
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError

KEY_BYTES = 32


class Signer:
    """Holds the gateway's key. `public` is its public half, hex."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw().hex()

    def sign(self, what: bytes) -> str:
        """The signature of these bytes (hex)."""
        return self._key.sign(what).hex()

    def entry(self, gateway: str, epoch: str, heads: Mapping[Stream, tuple[int, bytes]]) -> NewEntry:
        """The checkpoint of these heads, ready to be stored."""
        told = {stream.value: (seq, digest.hex()) for stream, (seq, digest) in heads.items()}
        signature = self.sign(signed_bytes(gateway, epoch, told))
        body = CheckpointBody(heads=told, key=self.public, signature=signature)
        return NewEntry(Stream.AUDIT, EntryKind.CHECKPOINT, msgspec.json.encode(body))


def load_signer(path: Path, disk: Disk) -> Signer:
    """Read the key, or make one. Raises `LedgerError` when it is not a key or others may read it."""
    try:
        if not path.exists():
            disk.write(path, os.urandom(KEY_BYTES))
        mode, raw = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise LedgerError(error.strerror or str(error), "See `smartplace doctor`", where=str(path)) from error
    if mode & 0o077:
        raise LedgerError("others may read this key", f"chmod 600 {path}", where=str(path))
    if len(raw) != KEY_BYTES:
        advice = "Put it back from where it was kept, or move it away: the next start makes a new one and says so"
        raise LedgerError(f"a key has {KEY_BYTES} bytes, this has {len(raw)}", advice, where=str(path))
    return Signer(Ed25519PrivateKey.from_private_bytes(raw))


def public_of(path: Path) -> str | None:
    """The public half (hex) of the key in this file; None when it may not be read, or is none."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    return Signer(Ed25519PrivateKey.from_private_bytes(raw)).public if len(raw) == KEY_BYTES else None


def signed_bytes(gateway: str, epoch: str, heads: Mapping[str, tuple[int, str]]) -> bytes:
    """What the signature is over: text lines, UTF-8, each ended by a line feed; streams in alphabetical order."""
    lines = ["smartplace-checkpoint 1", gateway, epoch]
    lines += [f"{stream} {seq} {digest}" for stream, (seq, digest) in sorted(heads.items())]
    return "".join(f"{line}\n" for line in lines).encode()


def check_checkpoints(db: sqlite3.Connection, gateway: str, epoch: str, trusted: str | None) -> tuple[int, str]:
    """How many checkpoints the file has, and what is wrong with the first bad one. `trusted`: the public key (hex) that
    must have made them; without it, that of the first of them."""
    count = 0
    rows = db.execute("SELECT seq, body FROM audit WHERE kind=? AND body IS NOT NULL ORDER BY seq", ("checkpoint",))
    for seq, raw in rows:
        try:
            body = msgspec.json.decode(raw, type=CheckpointBody)
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(body.key)).verify(
                bytes.fromhex(body.signature), signed_bytes(gateway, epoch, body.heads)
            )
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, TypeError, InvalidSignature):
            return count, f"checkpoint audit {seq} is not signed by the key that it names"
        trusted = trusted or body.key
        if body.key != trusted:
            return count, f"checkpoint audit {seq} is signed by another key"
        if fault := _differs(db, gateway, epoch, body):
            return count, f"checkpoint audit {seq}: {fault}"
        count += 1
    return count, ""


def _differs(db: sqlite3.Connection, gateway: str, epoch: str, body: CheckpointBody) -> str:
    for name, (seq, digest) in body.heads.items():
        try:
            stream = Stream(name)
            found = digest_at(db, gateway, epoch, stream, seq)
        except (ValueError, KeyError):
            continue  # Gone by retention or lost with the card: the chain and the gaps speak of that.
        if found.hex() != digest:
            return f"{name} {seq} is another entry than the one that was signed"
    return ""
