"""Is it a bank card, an identity card, a passport? Recognised, so that it can be refused kindly, and never read.

A SELECT is the only command that is ever sent to find out, and of the answer only the status is looked at: what a bank
card says of itself in it is not kept.

Sources: EMV Contactless Specifications for Payment Systems, Book B, 3.3 (PPSE `2PAY.SYS.DDF01`); ICAO Doc 9303 part 10
(AID of the eMRTD application) and part 11 (EF.CardAccess, which any reader may find before PACE); BSI TR-03110 part 4,
2.2.1 (AID of the eID application); the AID of the identity cards of Estonia (2018 on) and Latvia as the published
software for them (Web eID) selects it.
"""

from __future__ import annotations

from drivers.cards.apdu import Transmit, select
from drivers.contract.reader import Recognised, RecognisedKind

PPSE = b"2PAY.SYS.DDF01"
EMRTD = bytes.fromhex("A0000002471001")
EID = bytes.fromhex("E80704007F00070302")
AWP = bytes.fromhex("A000000077010800070000FE00000100")
CARD_ACCESS = bytes.fromhex("00A4020C02011C")
"""SELECT EF.CardAccess: a document that shows its applications only after PACE has it."""

QUESTIONS: tuple[tuple[bytes, RecognisedKind], ...] = (
    (select(PPSE), RecognisedKind.BANK),
    (select(EMRTD), RecognisedKind.EID),
    (select(EID), RecognisedKind.EID),
    (select(AWP), RecognisedKind.EID),
    (CARD_ACCESS, RecognisedKind.EID),
)
"""In this order: payment first, because many identity cards pay and their owners call them by that."""

_LOCKED = b"\x69\x82"
"""Security status not satisfied: it is there, and wants PACE first (ISO/IEC 7816-4)."""


def recognised(transmit: Transmit) -> Recognised | None:
    """What kind of foreign card it is, None when it has nothing of either kind. Raises what `transmit` raises."""
    for command, kind in QUESTIONS:
        status = transmit(command)[-2:]
        if _is_there(status) or (kind is RecognisedKind.EID and status == _LOCKED):
            return Recognised(kind)
    return None


def _is_there(status: bytes) -> bool:
    """`9000`; `61xx`: with more to be fetched, which is not; `62xx`: with a warning, as of a blocked application."""
    return status == b"\x90\x00" or (len(status) == 2 and status[0] in (0x61, 0x62))
