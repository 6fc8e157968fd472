"""How many cards the PN532 has found at once (UM0701-02, 7.3.5). Pure; the bytes are from the line: trust nothing."""

from __future__ import annotations

LIST_TWO = b"\x02\x00"
"""InListPassiveTarget: two targets at most, which is all that the chip can keep; 106 kbit/s type A."""

_HEAD = 5
"""Of each target before its UID: number, SENS_RES (two bytes), SEL_RES, the UID's length. No ATS follows: nfcpy
switches the automatic RATS off."""


def uids_in(answer: bytes) -> list[bytes]:
    """UIDs of the targets in an answer to `LIST_TWO`, as far as it is whole."""
    found: list[bytes] = []
    at = 1
    for _ in range(min(answer[0], 2) if answer else 0):
        if len(answer) < at + _HEAD:
            break
        begins = at + _HEAD
        at = begins + answer[at + _HEAD - 1]
        if len(answer) < at:
            break
        found.append(answer[begins:at])
    return found
