"""A Sony RC-S380 (chip NFC Port-100) on USB, through nfcpy's module for it.

That module believes every frame: one that is damaged, or answers another command, counts as success without data. So
each frame is looked at first. And it takes a collision of two cards for an empty field: here collisions are remembered.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import nfc.clf
from nfc.clf import rcs380

from drivers.nfc import usb
from drivers.nfc.attached import Attached
from drivers.nfc.errors import Code, ReaderFault
from drivers.nfc.faults import GONE
from drivers.nfc.frames import ACK, whole

ACK_MS = 300
"""The chip acknowledges a command before it does it."""

ABORTED_MS = 10
STALE = 16
"""Answers to a command that was given up, at most."""

CALL, HALT = bytes([0x26]), bytes.fromhex("5000")
"""REQA and HLTA (ISO/IEC 14443-3, 6.4.1 and 6.4.3)."""
ANSWERS_MS = 5
"""A card answers both within 0.1 ms."""


class _Line(usb.Line):
    """Frames of the chip only. After an answer that did not come in time the command is cancelled, and what comes late
    is thrown away: it would be taken for the answer to the next one."""

    late = True  # so, too, after whoever had the reader before
    _asked = False

    def read(self, timeout: int = 0) -> bytearray:
        asked, self._asked = self._asked, False
        try:
            frame = super().read(timeout or (ACK_MS if asked else 0))
        except OSError:
            self.late = True
            raise
        if not whole(bytes(frame)):
            self.late = True
            raise ReaderFault(Code.GARBLED)
        return frame

    def write(self, frame: bytes, timeout: int = 0) -> None:
        if self.late:
            self._cancel()
        super().write(frame, timeout)
        self._asked = True

    def _cancel(self) -> None:
        super().write(ACK)
        for _ in range(STALE):
            try:
                super().read(ABORTED_MS)
            except OSError:
                self.late = False
                return
        raise ReaderFault(Code.GARBLED)


class _Chipset(rcs380.Chipset):  # type: ignore[misc]  # nfcpy has no types
    collided = False

    def send_command(self, cmd_code: int, cmd_data: bytes) -> bytearray:
        answer: bytearray | None = super().send_command(cmd_code, cmd_data)
        if answer is None:
            self.transport.late = True
            raise ReaderFault(Code.GARBLED)
        return answer

    def in_comm_rf(self, data: bytes, timeout: int) -> bytearray:
        try:
            heard: bytearray = super().in_comm_rf(data, timeout)
        except rcs380.CommunicationError as error:
            self.collided = self.collided or error == "COLLISION_ERROR"
            raise
        return heard


class Port100:
    """The reader that `port` means. `open` and `sees_several` let nfcpy's errors through."""

    def __init__(self, pipe: usb.Pipe, attached: Attached) -> None:
        self._pipe, self._attached = pipe, attached
        self.device: Any = None

    def open(self) -> dict[str, str]:
        """Make sure of the chip: it has answered when this returns."""
        chipset = _Chipset(_Line(self._pipe, self._attached), logging.getLogger("nfc.clf.rcs380"))
        self.device = rcs380.Device(chipset, chipset.log)
        model = self._attached.model
        known = {"model": model.name if model else "", "firmware": self.device.chipset_name.partition("v")[2]}
        return known | ({"serial": self._attached.serial} if self._attached.serial else {})

    def take_collision(self) -> bool:
        """Whether cards have answered at the same time, differently, since this was last asked."""
        chipset = self.device.chipset
        collided: bool = chipset.collided
        chipset.collided = False
        return collided

    def sees_several(self) -> bool:
        """Whether there is another card beside the one that is found first: that one is sent to sleep, and whoever is
        there still answers (ISO/IEC 14443-3, 6.3). Leaves none selected."""
        self.take_collision()
        self.device.mute()
        found = self.device.sense_tta(nfc.clf.RemoteTarget("106A"))
        if self.take_collision():
            return True
        if found is None:
            return False
        chipset = self.device.chipset
        chipset.in_set_protocol(add_crc=1, check_crc=0)
        with suppress(rcs380.CommunicationError):
            chipset.in_comm_rf(HALT, ANSWERS_MS)  # it answers by silence
        chipset.in_set_protocol(add_crc=0, check_crc=0, last_byte_bit_count=7)
        try:
            return bool(chipset.in_comm_rf(CALL, ANSWERS_MS))
        except rcs380.CommunicationError as error:
            return bool(error != "RECEIVE_TIMEOUT_ERROR")  # something has answered, if not clearly

    def let_go(self) -> None:
        """Close the device, whatever state it is in."""
        with suppress(*GONE):
            self._pipe.close()
