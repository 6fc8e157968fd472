"""Cards as a reader's field sees them: NTAG213-like Type 2, NTAG 424 DNA with SUN, and a weak copy of one.

A card takes ISO 14443-3 frames without their CRC and answers, or is silent. It knows nothing of readers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar

from drivers.simulators.card_crypto import picc_data, sdm_mac

URL = "pass.example/t?e={picc}&c={mac}"
"""What the pass URL of a genuine card looks like after `https://`: PICC data and MAC as upper-case hex."""

OK, NOT_FOUND, WRONG_INSTRUCTION, BAD_OFFSET = (bytes.fromhex(sw) for sw in ("9000", "6A82", "6D00", "6B00"))
NDEF_APPLICATION = bytes.fromhex("D2760000850101")
FRAME = 128
"""FSC of an NTAG 424 DNA in bytes (ATS below: FSCI 7): it chains what is longer, CRC and PCB included."""


def uri_message(rest: str) -> bytes:
    """An NDEF message of one short URI record for `https://` + `rest` (NFC Forum URI RTD, prefix 04)."""
    payload = b"\x04" + rest.encode()
    return bytes([0xD1, 1, len(payload)]) + b"U" + payload


# Cards ----------------------------------------------------------------------------------------------------


class Card:
    """What every card has. `on_read` is called when its whole content has been read, once per activation."""

    atqa: ClassVar[bytes]
    """SENS_RES, most significant byte first, as a PN532 reports it."""
    sak: ClassVar[int]

    def __init__(self, uid: bytes) -> None:
        self.uid = uid
        self.on_read: Callable[[], None] = lambda: None
        self.activate()

    def activate(self) -> None:
        """The card has been selected in a fresh field."""
        self._told = False

    def exchange(self, frame: bytes) -> bytes | None:
        """The answer to one frame, or silence."""
        raise NotImplementedError

    def _read_whole(self) -> None:
        if not self._told:
            self._told = True
            self.on_read()


class Type2Tag(Card):
    """NTAG213: 45 pages of 4 bytes, NDEF from page 4. An unknown command is refused and makes it mute until
    it is selected again (NTAG213/215/216 data sheet, section 10)."""

    atqa, sak = bytes.fromhex("0044"), 0x00
    VERSION = bytes.fromhex("0004040201000F03")
    PAGES = 45

    def __init__(self, uid: bytes, message: bytes = b"") -> None:
        if len(uid) != 7:
            raise ValueError("a Type 2 tag has a UID of 7 bytes")
        if len(message) > 140:
            raise ValueError("an NTAG213 holds 140 bytes of NDEF here")
        memory = bytearray(self.PAGES * 4)
        memory[:4] = uid[:3] + bytes([0x88 ^ uid[0] ^ uid[1] ^ uid[2]])
        memory[4:9] = uid[3:] + bytes([uid[3] ^ uid[4] ^ uid[5] ^ uid[6]])
        memory[12:16] = bytes.fromhex("E1101200")
        content = bytes([0x03, len(message)]) + message
        memory[16 : 17 + len(content)] = content + b"\xfe"
        self._memory = bytes(memory)
        self._end = 16 + len(content)
        super().__init__(uid)

    def activate(self) -> None:
        super().activate()
        self._mute = False

    def exchange(self, frame: bytes) -> bytes | None:
        if self._mute:
            return None
        match tuple(frame):
            case (0x30, page) if page < self.PAGES:
                if self._end <= page * 4 + 16:
                    self._read_whole()
                return (self._memory * 2)[page * 4 : page * 4 + 16]
            case (0x60,):
                return self.VERSION
            case _:
                self._mute = True
                return b"\x00"


class Type4Tag(Card):
    """An ISO 14443-4 card with the NFC Forum Type 4 files of an NTAG 424 DNA (NT4H2421Gx, section 8.2).

    Card side of ISO-DEP (ISO/IEC 14443-4, 7.5): I-blocks with chaining, R(ACK), R(NAK), S(DESELECT).
    A subclass gives the NDEF message of an activation.
    """

    atqa, sak = bytes.fromhex("0344"), 0x20
    ATS = bytes.fromhex("067777710280")
    CC = bytes.fromhex("001720010000FF0406E104010000000506E10500808283").ljust(32, b"\0")
    SIZE = 256

    def message(self) -> bytes:
        """The NDEF message for this activation; asked once, at the first read of the NDEF file."""
        raise NotImplementedError

    def activate(self) -> None:
        super().activate()
        self._active = False
        self._application = False
        self._selected = b""
        self._content: bytes | None = None
        self._framed = self._is_read = False

    # ISO-DEP ------------------------------------------------------------------------------------------

    def exchange(self, frame: bytes) -> bytes | None:
        if not self._active:
            return self._rats(frame)
        if not frame:
            return None
        pcb = frame[0]
        if pcb & 0xE2 == 0x02:
            return self._i_block(pcb, frame[1:])
        if pcb & 0xE6 == 0xA2:
            return self._r_block(pcb)
        if pcb == 0xC2:
            self.activate()
            return frame
        return None

    def _rats(self, frame: bytes) -> bytes | None:
        if len(frame) != 2 or frame[0] != 0xE0:
            return None
        self._active = True
        self._number = 1
        self._command = b""
        self._rest = b""
        self._last = b""
        return self.ATS

    def _i_block(self, pcb: int, data: bytes) -> bytes:
        self._number ^= 1
        self._command += data
        if pcb & 0x10:
            return self._send(bytes([0xA2 | self._number]))
        command, self._command = self._command, b""
        self._framed = True
        try:
            self._rest = self.apdu(command)
        finally:
            self._framed = False
        return self._next_part()

    def _read_whole(self) -> None:
        """In frames it is read when the last of its blocks has gone."""
        if self._framed:
            self._is_read = True
        else:
            super()._read_whole()

    def _r_block(self, pcb: int) -> bytes | None:
        if pcb & 1 == self._number:
            return self._last
        if pcb & 0x10:
            return bytes([0xA2 | self._number])
        if not self._rest:
            return None
        self._number ^= 1
        return self._next_part()

    def _next_part(self) -> bytes:
        room = FRAME - 3
        part, self._rest = self._rest[:room], self._rest[room:]
        if self._is_read and not self._rest:
            self._read_whole()
        return self._send(bytes([0x02 | self._number | (0x10 if self._rest else 0)]) + part)

    def _send(self, block: bytes) -> bytes:
        self._last = block
        return block

    # Files --------------------------------------------------------------------------------------------

    def apdu(self, command: bytes) -> bytes:
        """The response to one command: SELECT by name, SELECT by file id, READ BINARY (ISO/IEC 7816-4)."""
        header, body = command[:4], command[4:]
        if header == b"\x00\xa4\x04\x00":
            self._application = body[1 : 1 + body[0]] == NDEF_APPLICATION if body else False
            return OK if self._application else NOT_FOUND
        if header in (b"\x00\xa4\x00\x0c", b"\x00\xa4\x00\x00"):
            found = self._application and body[1:3] in (b"\xe1\x03", b"\xe1\x04")
            self._selected = body[1:3] if found else b""
            return OK if found else NOT_FOUND
        if header[:2] == b"\x00\xb0" and len(header) == 4:
            return self._read_binary(int.from_bytes(header[2:], "big"), body[0] or 256 if body else 256)
        return WRONG_INSTRUCTION

    def _read_binary(self, offset: int, length: int) -> bytes:
        match self._selected:
            case b"\xe1\x03":
                content = self.CC
            case b"\xe1\x04":
                content = self._ndef_file()
            case _:
                return NOT_FOUND
        if offset >= len(content):
            return BAD_OFFSET
        if self._selected == b"\xe1\x04" and offset + length >= 2 + int.from_bytes(content[:2], "big"):
            self._read_whole()
        return content[offset : offset + length] + OK

    def _ndef_file(self) -> bytes:
        if self._content is None:
            message = self.message()
            self._content = (len(message).to_bytes(2, "big") + message).ljust(self.SIZE, b"\0")
        return self._content


class Ntag424(Type4Tag):
    """A genuine NTAG 424 DNA with SUN. The counter goes up at the first read of the NDEF file after each
    activation (NT4H2421Gx, section 9.3.2), and with it PICC data and MAC are new."""

    def __init__(
        self,
        uid: bytes,
        meta_key: bytes,
        file_key: bytes,
        counter: int = 0,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if len(uid) != 7:
            raise ValueError("an NTAG 424 DNA has a UID of 7 bytes")
        super().__init__(uid)
        self._meta_key, self._file_key, self._random = meta_key, file_key, random
        self.counter = counter
        self.last_message = b""

    def message(self) -> bytes:
        self.counter += 1
        picc = picc_data(self._meta_key, self.uid, self.counter, self._random(5))
        mac = sdm_mac(self._file_key, self.uid, self.counter)
        self.last_message = uri_message(URL.format(picc=picc.hex().upper(), mac=mac.hex().upper()))
        return self.last_message

    def clone(self) -> ReplayCard:
        """A copy as good as a thief can make it: same UID, and the message of the last tap for ever. When
        there was no tap yet, the thief's own phone was the first."""
        return ReplayCard(self.uid, self.last_message or self.message())


class ReplayCard(Type4Tag):
    """A Type 4 card with somebody's UID and a recorded message: no key, no counter."""

    def __init__(self, uid: bytes, recorded: bytes) -> None:
        super().__init__(uid)
        self._recorded = recorded

    def message(self) -> bytes:
        return self._recorded
