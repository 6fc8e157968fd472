"""Our small face of pcscd: find a reader, wait for a card, read it. All of pyscard is here.

Its raw calls, and not its `CardMonitor`: that one ends for good with the pcscd that it began with. A context is dead
when its pcscd is, also after a new one runs: whoever opens again gets a new context.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from smartcard import scard

from drivers.desfire.outcome import Ask, Transmit
from drivers.pcsc.cards import uid_of
from drivers.pcsc.conversation import CardGone, Read, read_whole
from drivers.pcsc.errors import Code, ReaderFault

if TYPE_CHECKING:
    from drivers.desfire.debiting import Debiting

READ_BUDGET_S = 1.5
"""For reading one card: a hostile one can answer slowly."""

AGAIN_S = 0.1


def _number(result: int) -> int:
    """A result as the documentation writes it: pyscard's are signed."""
    return result & 0xFFFFFFFF


TIMEOUT = _number(scard.SCARD_E_TIMEOUT)
NO_READERS = _number(scard.SCARD_E_NO_READERS_AVAILABLE)
VIOLATION = _number(scard.SCARD_W_SECURITY_VIOLATION)
STATUS = 2
"""Bytes that every answer ends with (ISO/IEC 7816-4, 5.3.4)."""
PROTOCOLS = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
_NAMES = {
    Code.NO_SERVICE: "E_NO_SERVICE E_SERVICE_STOPPED F_COMM_ERROR E_INVALID_HANDLE E_CANCELLED F_INTERNAL_ERROR",
    Code.DENIED: "W_SECURITY_VIOLATION E_NO_ACCESS",
    Code.NO_READER: "E_NO_READERS_AVAILABLE",
    Code.UNPLUGGED: "E_UNKNOWN_READER E_READER_UNAVAILABLE",
    Code.BUSY: "E_SHARING_VIOLATION",
}
_FAULTS = {
    _number(getattr(scard, f"SCARD_{name}")): code
    for code, names in _NAMES.items()
    for name in names.split()
    if hasattr(scard, f"SCARD_{name}")
}
_OF_THE_CARD = frozenset(
    _number(getattr(scard, f"SCARD_{name}"))
    for name in (
        *("E_NO_SMARTCARD", "E_NOT_TRANSACTED", "E_PROTO_MISMATCH", "E_COMM_DATA_LOST", "E_CARD_UNSUPPORTED"),
        *("W_REMOVED_CARD", "W_RESET_CARD", "W_UNPOWERED_CARD", "W_UNRESPONSIVE_CARD", "W_UNSUPPORTED_CARD"),
    )
    if hasattr(scard, f"SCARD_{name}")
)
_GONE = scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE | scard.SCARD_STATE_IGNORE


class Seen(NamedTuple):
    """What a look has shown. `number` counts cards that came and went (pcscd's own count)."""

    present: bool
    number: int
    atr: bytes


class Reader:
    """One reader of pcscd. Every method but `close` raises `ReaderFault` and nothing else."""

    def __init__(self) -> None:
        self._context: int | None = None
        self._name = ""
        self._state = scard.SCARD_STATE_UNAWARE

    def open(self, wanted: str) -> dict[str, str]:
        """Find the one reader with this in its name. Returns what is known of it."""
        result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if _number(result) == VIOLATION:
            # The library says so also when pcscd ends at this moment (1.9.9): what it meant shows the second time.
            time.sleep(AGAIN_S)
            result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        _check(result)
        self._context = context
        result, known = scard.SCardListReaders(context, [])
        if _number(result) == NO_READERS:
            known = []
        else:
            _check(result)
        found = [name for name in known if wanted in name]
        if len(found) != 1:
            raise ReaderFault(Code.SEVERAL if found else Code.NO_READER, wanted=wanted, known=found or known)
        self._name, self._state = found[0], scard.SCARD_STATE_UNAWARE
        return {"reader": self._name}

    def look(self, wait_ms: int) -> Seen:
        """What is in the reader, as soon as it is something else than before, or after so many milliseconds. pcscd has
        answered for the reader when this returns."""
        result, states = scard.SCardGetStatusChange(self._opened(), wait_ms, [(self._name, self._state)])
        if _number(result) == VIOLATION:
            raise ReaderFault(Code.NO_SERVICE)  # Who may not look was not let in: here it only ends.
        if _number(result) != TIMEOUT:
            _check(result)
        _, state, atr = states[0]
        if state & _GONE:
            raise ReaderFault(Code.UNPLUGGED)
        self._state = state & ~scard.SCARD_STATE_CHANGED
        present = bool(state & scard.SCARD_STATE_PRESENT) and not state & scard.SCARD_STATE_MUTE
        return Seen(present, state >> 16 & 0xFFFF, bytes(atr))

    def read(self, seen: Seen, prove: Ask | None) -> Read:
        """The card that was seen, as `read_whole` does. Raises `CardGone` as well."""
        with self._talk(time.monotonic() + READ_BUDGET_S) as transmit:
            return read_whole(transmit, seen.atr, prove)

    def debit(self, debiting: Debiting, deadline: float) -> None:
        """With the card that lies there now. What became of it is told by `debiting.so_far`. Raises `CardGone` as
        well."""
        with self._talk(min(deadline, time.monotonic() + READ_BUDGET_S)) as transmit:
            uid = uid_of(transmit)
            if uid is not None:
                debiting.run(transmit, uid)

    def close(self) -> None:
        """Let go of pcscd, whatever state it is in."""
        context, self._context = self._context, None
        if context is not None:
            scard.SCardReleaseContext(context)

    @contextmanager
    def _talk(self, until: float) -> Iterator[Transmit]:
        """The card that lies there, until it goes or this moment has come."""
        result, card, protocol = scard.SCardConnect(self._opened(), self._name, scard.SCARD_SHARE_SHARED, PROTOCOLS)
        _check_card(result)

        def transmit(command: bytes) -> bytes:
            if time.monotonic() > until:
                raise CardGone
            result, response = scard.SCardTransmit(card, protocol, list(command))
            _check_card(result)
            if len(response) < STATUS:
                raise CardGone  # A reader whose card leaves amid an answer may call that success.
            return bytes(response)

        try:
            yield transmit
        finally:
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)

    def _opened(self) -> int:
        if self._context is None:
            raise ReaderFault(Code.NO_SERVICE)
        return self._context


def _check(result: int) -> None:
    number = _number(result)
    if number != scard.SCARD_S_SUCCESS:
        raise ReaderFault(_FAULTS.get(number, Code.FAILED), number=number)


def _check_card(result: int) -> None:
    if _number(result) in _OF_THE_CARD:
        raise CardGone
    _check(result)
