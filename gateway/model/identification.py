"""Who was presented at a station: a credential resolved, or refused with a closed reason."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec


class CredentialKind(StrEnum):
    CARD = "card"
    """A card known by its UID."""
    SUN_CARD = "sun_card"
    """A card that proves itself by a fresh counter and MAC (NTAG 424 DNA SUN)."""
    DESFIRE_CARD = "desfire_card"
    """A card that proves itself to its reader by authentication (MIFARE DESFire with AES keys)."""
    PASS = "pass"
    """A signed pass, shown as a QR code."""
    ACCESS_CARD = "access_card"
    """A card known by the number that an access control reader hands on (Wiegand, OSDP)."""
    BARCODE = "barcode"
    """A printed or shown code without a signature."""
    BEACON = "beacon"
    """A beacon or a phone that a person carries, heard by radio."""


class Strength(StrEnum):
    WEAK = "weak"
    """Can be cloned."""
    GENUINE = "genuine"
    """Proved by cryptography."""


class Refusal(StrEnum):
    """Why a credential was not accepted. Closed: pages and reports translate each."""

    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REPLAYED = "replayed"
    FORGED = "forged"
    UNPROVED = "unproved"
    UNKNOWN_ISSUER = "unknown_issuer"
    UNKNOWN_KEY = "unknown_key"
    """A pass of a key that its issuer has not, or not any more, or not yet."""
    BEYOND_TRUST = "beyond_trust"
    """A pass for more persons, or for longer, than its issuer may issue one."""
    STALE_CODE = "stale_code"
    """A pass without its phone's proof of this moment: a photograph, or a code that was not renewed."""
    UNREADABLE = "unreadable"
    STALE = "stale"
    TOO_WEAK = "too_weak"
    """Of a kind that can be copied, and this station does not take it."""
    RANDOM_UID = "random_uid"
    """A number that is drawn anew each time, and nothing else: it says nothing of whose card it is."""
    BANK_CARD = "bank_card"
    EID = "eid"
    """An identity card or passport."""
    SEVERAL_CARDS = "several_cards"
    """More than one in the field: which of them was meant?"""
    PASSED_ALREADY = "passed_already"
    """This very credential has passed a moment ago (anti-passback)."""


class Credential(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was presented, without its clear id: kind, strength and the keyed digest (hex) with its key id."""

    kind: CredentialKind
    strength: Strength
    digest: str
    key_id: str


class Identification(msgspec.Struct, frozen=True, omit_defaults=True):
    """A credential resolved (`holder` and `entitlements`) or refused (`refusal`).

    `holder` is opaque. `entitlements` are the codes that this place's rules use, or those of partner city `city`.
    `credential` is absent when nothing could be made of the reading. `language` is the holder's choice, if any.
    `residence` and `born` are there where the place's rules ask for them, and are not stored: `facts_left_out`.
    `persons` is for how many it is: 1, or more with a group's pass, the one who shows it included.
    """

    credential: Credential | None = None
    holder: str | None = None
    entitlements: tuple[str, ...] = ()
    refusal: Refusal | None = None
    language: str | None = None
    city: str = ""
    persons: int = 1
    residence: str | None = None
    born: date | None = None

    def facts_left_out(self) -> Identification:
        """As entries hold it: what a decision made of residence and birth is in what it rested on."""
        return msgspec.structs.replace(self, residence=None, born=None)

    @property
    def accepted(self) -> bool:
        return self.holder is not None and self.refusal is None
