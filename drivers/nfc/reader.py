"""Our small face of nfcpy: open a reader, look into the field, read a card's NDEF. All of nfcpy is here and in the
files beside it that this one imports.

nfcpy 1.0.4 (frozen since 2022) is used unmodified, its Type 2 and Type 4 code included.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import nfc
import nfc.clf
import nfc.tag
import nfc.tag.tt4

from drivers.cards.asking import ask
from drivers.contract.reader import Code as CodeReading
from drivers.contract.reader import Recognised
from drivers.desfire.outcome import Ask, Outcome
from drivers.nfc.attached import PREFIX
from drivers.nfc.errors import Code, ReaderFault
from drivers.nfc.faults import GONE, UNCHECKED, faults
from drivers.nfc.models import Family, Model
from drivers.nfc.sight import Crowd, Seen

if TYPE_CHECKING:
    from drivers.desfire.debiting import Debiting

BAUD = 115200

READ_BUDGET_S = 1.5
"""For reading one card. A hostile one can answer for ever: nfcpy's loops end only when an exchange fails."""

MAX_NDEF = 2048
"""Bytes; a pass has about 75. A longer message is not handed on, the card counts as one without."""

_UIDS = (4, 7, 10)

TAKES_COMMANDS = 0x20
"""Bit of the SAK: a card of ISO/IEC 14443-4 (ISO/IEC 14443-3, 6.5.3.4)."""


class Chip(Protocol):
    """A reader behind one of nfcpy's device modules. `open` and `sees_several` let nfcpy's errors through."""

    device: Any

    def open(self) -> dict[str, str]: ...
    def take_collision(self) -> bool: ...
    def sees_several(self) -> bool: ...
    def let_go(self) -> None: ...


class Read(NamedTuple):
    """A card that was read whole."""

    shown: bytes | CodeReading | Recognised
    proof: Outcome = None


class _Frontend(nfc.ContactlessFrontend):  # type: ignore[misc]  # nfcpy has no types
    """nfcpy's frontend that remembers whether an exchange with a card failed, and ends a reading that takes
    too long. nfcpy itself hides the difference between "no NDEF" and "pulled while reading"."""

    failed = False
    until = 0.0

    def exchange(self, send_data: bytes, timeout: float) -> bytearray:
        if time.monotonic() > self.until:
            self.failed = True
            raise nfc.clf.TimeoutError("the card takes too long")
        try:
            # A card may ask for 5 s (FWT, ISO/IEC 14443-4, 7.2), and nobody waits so long for it.
            received: bytearray | None = super().exchange(send_data, min(timeout, READ_BUDGET_S))
        except nfc.clf.CommunicationError:
            self.failed = True
            raise
        except UNCHECKED as error:
            raise ReaderFault(Code.GARBLED) from error
        if received is None:
            raise ReaderFault(Code.GARBLED)
        return received

    def sense(self, *targets: nfc.clf.RemoteTarget, **options: object) -> nfc.clf.RemoteTarget | None:
        try:
            return super().sense(*targets, **options)
        except UNCHECKED as error:
            raise ReaderFault(Code.GARBLED) from error


class Reader:
    """One reader. Every method but `close` raises `ReaderFault` and nothing else."""

    def __init__(self) -> None:
        self._chip: Chip | None = None
        self._frontend: _Frontend | None = None

    def open(self, port: str, baud: int = BAUD) -> dict[str, str]:
        """Open the port for this program alone and make sure of the reader. Returns what it says of itself."""
        logging.getLogger("nfc").setLevel(logging.CRITICAL + 1)  # its lines hold card ids
        with faults():
            self._chip = chip = _chip(port, baud)
            detail = chip.open()
            frontend = _Frontend()
            frontend.device = chip.device
            self._frontend = frontend
            return detail

    def look(self) -> Seen | Crowd | None:
        """The card in the field (one of them), or None. The chip has answered when this returns. 106 kbit/s
        type A only; Type 1 tags (Topaz) have no UID of ISO/IEC 14443-3 and are passed over."""
        chip, frontend = self._opened()
        with faults():
            chip.take_collision()
            seen = _sense(frontend)
            if seen is not None or not chip.take_collision():
                return seen
            # A single one may be noise of a card that slips into the field.
            seen = _sense(frontend)
            return Crowd() if seen is None and chip.take_collision() else seen

    def sees_several(self) -> bool:
        """Whether more than one card is in the field, as far as the chip can tell them apart. Leaves none selected."""
        chip, _ = self._opened()
        with faults():
            return chip.sees_several()

    def read(self, seen: Seen, prove: Ask | None = None) -> Read | None:
        """What the card shows: its NDEF message (b"" when it has none), the pass that a phone hands over, what kind of
        foreign card it is; None when it went away before that was certain. A card that takes commands is asked for its
        proof first, when there is one to ask for: who has given one, or failed to, is asked for nothing else."""
        if not seen.sak & TAKES_COMMANDS and seen.sak & 0x58:
            return Read(b"")  # MIFARE Classic and peer-to-peer devices: nothing that nfcpy could read
        _, frontend = self._opened()
        frontend.until = time.monotonic() + READ_BUDGET_S
        with faults():
            try:
                return _read(frontend, seen, prove)
            except (nfc.clf.CommunicationError, nfc.tag.TagCommandError, _Torn):
                return None
            except UNCHECKED:
                return None if frontend.failed else Read(b"")  # the card says what no such card says

    def debit(self, debiting: Debiting, deadline: float) -> None:
        """With the card that is in the field now, if it takes commands. It may go at any moment: what became of it is
        told by `debiting.so_far`."""
        seen = self.look()
        if not isinstance(seen, Seen) or not seen.sak & TAKES_COMMANDS:
            return
        _, frontend = self._opened()
        frontend.until = min(deadline, time.monotonic() + READ_BUDGET_S)
        with faults(), suppress(nfc.clf.CommunicationError, nfc.tag.TagCommandError, *UNCHECKED):
            tag = nfc.tag.activate(frontend, seen.target)
            if isinstance(tag, nfc.tag.tt4.Type4Tag):
                debiting.run(lambda command: bytes(tag.transceive(bytearray(command))), seen.uid)

    def close(self) -> None:
        """Let go of the reader, whatever state it is in."""
        if self._frontend is not None:
            with suppress(*GONE):
                self._frontend.close()
        if self._chip is not None:
            self._chip.let_go()
        self._frontend = self._chip = None

    def _opened(self) -> tuple[Chip, _Frontend]:
        if self._chip is None or self._frontend is None:
            raise ReaderFault(Code.UNPLUGGED)
        return self._chip, self._frontend


class _Torn(Exception):
    """The card went away before it was certain what it has."""


def _read(frontend: _Frontend, seen: Seen, prove: Ask | None) -> Read:
    tag = nfc.tag.activate(frontend, seen.target)
    if tag is None:
        raise _Torn
    if prove is not None and isinstance(tag, nfc.tag.tt4.Type4Tag):
        try:
            proof = prove(lambda command: bytes(tag.transceive(bytearray(command))), seen.uid)
        except UNCHECKED as error:
            raise _Torn from error  # no block of ISO-DEP: nothing can be told of a card that speaks so
        if proof is not None:
            return Read(b"", proof)
    frontend.failed = False  # an NTAG refuses what nfcpy asks to find out its type: that is no torn read
    if not seen.sak & TAKES_COMMANDS:
        return Read(_ndef(frontend, tag))
    return Read(ask(seen.uid, lambda command: bytes(tag.transceive(bytearray(command))), lambda: _ndef(frontend, tag)))


def _ndef(frontend: _Frontend, tag: nfc.tag.Tag) -> bytes:
    ndef = tag.ndef
    if ndef is None:
        if frontend.failed:
            raise _Torn
        return b""
    message = bytes(ndef.octets)
    return message if len(message) <= MAX_NDEF else b""


def _sense(frontend: _Frontend) -> Seen | None:
    target = frontend.sense(nfc.clf.RemoteTarget("106A"))
    if target is None or target.sdd_res is None or len(target.sdd_res) not in _UIDS:
        return None
    return Seen(target, bytes(target.sdd_res), target.sel_res[0])


def _chip(port: str, baud: int) -> Chip:
    """The reader that `port` means, with the module for it."""
    if not port.startswith(PREFIX):
        from drivers.nfc.hsu import Hsu

        return Hsu(port, baud)
    from drivers.nfc import usb
    from drivers.nfc.port100 import Port100

    pipe, attached = usb.opened(port)
    match attached.model:
        case Model(chip=Family.PORT100):
            return Port100(pipe, attached)
        case _:
            pipe.close()
            raise ReaderFault(Code.NO_PORT)
