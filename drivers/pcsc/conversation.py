"""The whole conversation with one card, in its order: pure, whatever carries the commands."""

from __future__ import annotations

from typing import NamedTuple

from drivers.cards.apdu import Transmit
from drivers.contract.reader import Code as CodeReading
from drivers.contract.reader import Recognised
from drivers.desfire.outcome import Ask, Outcome, Proved
from drivers.pcsc.cards import shown_by, storage_name, uid_of


class CardGone(Exception):
    """The card went away, or does not speak, while it was read."""


class Read(NamedTuple):
    """A card that was read whole. `uid` is None when it has none of a contactless card of type A; `shown` is its NDEF
    message, the pass that a phone hands over, or what kind of foreign card it is."""

    uid: bytes | None
    shown: bytes | CodeReading | Recognised
    proof: Outcome


def read_whole(transmit: Transmit, atr: bytes, prove: Ask | None) -> Read:
    """A card that takes APDUs itself is asked for its proof before anything else; who has given one, or failed to, is
    asked for nothing else. Raises `CardGone`, and what `transmit` raises."""
    uid = uid_of(transmit)
    takes_apdus = storage_name(atr) is None
    proof = prove(transmit, uid) if uid is not None and prove is not None and takes_apdus else None
    if isinstance(proof, Proved):
        return Read(uid, b"", proof)
    shown = shown_by(transmit, atr, uid) if uid is not None and proof is None else b""
    if not shown and uid_of(transmit) != uid:
        raise CardGone  # That it has nothing, or no proof, was the silence of a card that had left.
    return Read(uid, shown, proof)
