"""What readers of credentials report: cards, codes, access cards, beacons. Their one call beyond the
core's is the debit of a card's counter (`drivers.contract.counter`)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from drivers.contract.desfire import Proof

NFC = "nfc"
"""`symbology` of a code that a phone handed over by radio: the same bytes as in its QR code."""


class Card(msgspec.Struct, frozen=True, tag="card", tag_field="reading", omit_defaults=True):
    """A contactless card, reported once per presentation (it must leave the field before the next one).

    `uid` is in ISO 14443-3 order, the same from every reader. `ndef` is the card's NDEF message as read at
    this very presentation, empty when there is none: what it proves is for the gateway's identity step.
    `proof` is how an authentication went that only the reader can hold; None when none was asked for, or when the
    card is none of those that are asked. A card that left in the middle of one is not reported at all.
    """

    uid: bytes
    ndef: bytes = b""
    proof: Proof | None = None


class Code(msgspec.Struct, frozen=True, tag="code", tag_field="reading"):
    """An optical code, reported once while it stays in sight; or what a phone handed over (`symbology` is `NFC`), once
    per presentation. `data` are its bytes, at most 2 kB."""

    symbology: str
    data: bytes


class RecognisedKind(StrEnum):
    """Cards that are not ours and not to be read."""

    BANK = "bank"
    EID = "eid"
    """An identity card, a passport, a residence permit."""


class Recognised(msgspec.Struct, frozen=True, tag="recognised", tag_field="reading"):
    """A foreign card was presented. What kind it is, is all that is known of it: no UID, nothing that it holds."""

    kind: RecognisedKind


class Several(msgspec.Struct, frozen=True, tag="several", tag_field="reading"):
    """Several cards lie in the field together, once until it was empty: none of them was read."""


class BeaconEvent(StrEnum):
    """What a beacon that somebody wears has done."""

    ENTER = "enter"
    LEAVE = "leave"


class Beacon(msgspec.Struct, frozen=True, tag="beacon", tag_field="reading"):
    """A beacon or phone came near or went away: for each `id` the two alternate, `enter` first.

    `id` is what it sends to everybody who listens (docs/drivers/ble.md): a credential like a card's id.
    `rssi_dbm` is the smoothed level.
    """

    id: str
    event: BeaconEvent
    rssi_dbm: int


class AccessCard(msgspec.Struct, frozen=True, tag="access_card", tag_field="reading"):
    """The number of a card as a reader of an access control system hands it on (Wiegand, OSDP), once per presentation.

    `number` is `bits` bits, the first one the most significant, in the fewest bytes that hold them (the number stands
    at their right end). Parity has been checked and taken off where that is usual: the same card is the same number
    on every wire (`drivers/access/formats.py`).
    """

    bits: int
    number: bytes


ReaderReading = Card | Code | AccessCard | Recognised | Several | Beacon
