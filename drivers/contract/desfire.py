"""MIFARE DESFire cards that prove themselves: what a reader is told of the city's cards, and what it reports of one.

The key never passes here: the options name its file, a proof names its version.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

APPLICATION_BYTES = 3
NAME_BYTES, NAMES = 8, 4
"""A debit's name, and how many of the last ones a card keeps: 32 bytes, which it takes in one frame."""
VALUE_MOST = 0x7FFFFFFF
"""A value file holds a signed number of 32 bits; here never below zero."""

Application = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9A-Fa-f]{6}$(?!\n)",
        description="The city's application on the card: 3 bytes in hex, in the order in which they are sent to it",
    ),
]
KeyFile = Annotated[
    str,
    msgspec.Meta(
        max_length=256,
        pattern=r"^(/[ -~]+|[A-Za-z0-9][A-Za-z0-9_.-]*)$(?!\n)",
        description="File with the keys, mode 0600; a name without `/` is a credential that systemd hands over",
    ),
]
KeyNumber = Annotated[int, msgspec.Meta(ge=0, le=13, description="Number of that key in the application")]
FileNumber = Annotated[int, msgspec.Meta(ge=0, le=31, description="Number of that file in the application")]
QuotaKey = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\n)",
        description="The quota that the counter holds, as the rules name it (`source: card`)",
    ),
]
SystemId = Annotated[
    str,
    msgspec.Meta(
        max_length=18,
        pattern=r"^[ -~]*$(?!\n)",
        description="System identifier of the diversification, as the cards' issuer has it",
    ),
]
"""AN10922 has room for 31 bytes: UID (10 at most), application, and this."""


class CounterOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A holder's own counter on the card: which quota it is, in which value file, and in which file stand the names of
    the last debits. The key of `DesfireOptions` may debit the one and write the other, and may not credit."""

    quota: QuotaKey
    value_file: FileNumber
    names_file: FileNumber


class DesfireOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which application and key the city's cards prove themselves with, and where the reader finds that key.

    `diversified`: each card has a key of its own, made from the one in the file, the card's UID, the application and
    `system_id` (NXP AN10922, AES-128). Without it one key is in all cards: whoever gets it out of one has them all.
    `counter`: read with the proof, debited by a call (`drivers.contract.counter`).
    """

    application: Application
    key_file: KeyFile
    key_number: KeyNumber = 0
    diversified: bool = True
    system_id: SystemId = ""
    counter: CounterOptions | None = None


class Counter(msgspec.Struct, frozen=True):
    """What the card's counter says, under the key of this very session: how many units of this quota are left, and
    `NAMES` names of the last debits, the newest first (zeros where there was none)."""

    quota: str
    value: int
    names: bytes


class DesfireProof(msgspec.Struct, frozen=True, tag="desfire", tag_field="proof", omit_defaults=True):
    """The card has proved at this very presentation that it holds the application's key of this version.

    `uid` is the card's own, bound by the proof: the one that its key was made from, or that it told under the
    session's key. A card that shows a random UID to everybody has another one here.
    """

    uid: bytes
    application: bytes
    key_version: int
    counter: Counter | None = None


class DesfireFailed(msgspec.Struct, frozen=True, tag="desfire_failed", tag_field="proof"):
    """The card has the application and did not prove that it holds its key: a copy, or keys that do not match."""

    application: bytes


Proof = DesfireProof | DesfireFailed
