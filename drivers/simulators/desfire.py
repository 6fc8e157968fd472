"""A MIFARE DESFire card with one application of AES keys: what a reader's field sees of it, and copies of it.

Written from the protocol and not from the driver's code: native commands, also in ISO/IEC 7816-4 frames (5A, 64, AA,
AF, 51; value files 6C, DC, backup data files BD, 3D, both C7), and the secure messaging of the EV1 in which one IV runs
through the session. CBC is spelt out in blocks here, so that one mistake about it is not made twice.
`tests/drivers/test_desfire_transcripts.py` holds it against an independent library and a real card's conversation.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping

from drivers.simulators.card_crypto import an10922, decrypted, doubled, encrypted, xored
from drivers.simulators.cards import NOT_FOUND, WRONG_INSTRUCTION, Type4Tag

Random = Callable[[int], bytes]

CARD_UID = 0x51
OK, ADDITIONAL, UNKNOWN_COMMAND, NO_SUCH_KEY, BAD_LENGTH = b"\x00", b"\xaf", b"\x1c", b"\x40", b"\x7e"
NO_APPLICATION, WRONG_KEY, INTEGRITY, BOUNDARY, NO_FILE = b"\xa0", b"\xae", b"\x1e", b"\xbe", b"\xf0"
BLOCK = 16


def card_key(master: bytes, uid: bytes, application: bytes, system_id: bytes = b"") -> bytes:
    """The key of one card: AN10922 over 01, UID, application, system identifier."""
    return an10922(master, b"\x01" + uid + application + system_id)


class Desfire(Type4Tag):
    """A genuine card: `keys` of its application by number. With `random_uid` it shows another UID at each activation.

    `delay_s` is what each answer takes. `log` holds commands and answers since the last activation.
    """

    ATS = bytes.fromhex("067577810280")

    def __init__(
        self,
        uid: bytes,
        application: bytes,
        keys: Mapping[int, bytes],
        *,
        values: Mapping[int, int] | None = None,
        data: Mapping[int, bytes] | None = None,
        key_version: int = 0,
        random_uid: bool = False,
        random: Random = os.urandom,
    ) -> None:
        if len(uid) != 7 or len(application) != 3 or any(len(key) != BLOCK for key in keys.values()):
            raise ValueError("a DESFire has a UID of 7 bytes, applications of 3, and here AES keys of 16")
        self.own_uid = uid
        self.delay_s = 0.0
        self.values = dict(values or {})
        """Value files by number (MACed communication, lower limit 0): what is committed."""
        self.data = dict(data or {})
        """Backup data files by number (MACed communication), the same."""
        self.log: list[tuple[bytes, bytes]] = []
        self._aid, self._keys, self._version = application, dict(keys), key_version
        self._random_uid, self._random = random_uid, random
        super().__init__(uid)

    def activate(self) -> None:
        super().activate()
        if self._random_uid:
            self.uid = b"\x08" + self._random(3)
        self.log = []
        self._within = False
        self._leave_session()

    def apdu(self, command: bytes) -> bytes:
        """One command APDU. There is no NDEF application."""
        time.sleep(self.delay_s)
        answer = self._apdu(command)
        self.log.append((command, answer))
        return answer

    def _apdu(self, command: bytes) -> bytes:
        if command[:1] == b"\x00":
            return NOT_FOUND if command[1:2] == b"\xa4" else WRONG_INSTRUCTION
        if command[:1] != b"\x90" or len(command) < 5:
            return WRONG_INSTRUCTION
        data = command[5:-1] if len(command) > 5 else b""
        answer = self.native(command[1:2] + data)
        return answer[1:] + b"\x91" + answer[:1]

    def native(self, command: bytes) -> bytes:
        """A command as the card knows it: instruction and data in, status and data out."""
        data = command[1:]
        match command[0]:
            case 0x5A:
                return self._select(data)
            case 0x64:
                known = self._within and len(data) == 1 and data[0] in self._keys
                return OK + bytes([self._version]) if known else NO_SUCH_KEY
            case 0xAA:
                return self._authenticate(data)
            case 0xAF:
                return self._authenticated(data)
            case 0x51 if not data and self._session:
                return self._card_uid(self._session)
            case 0x51 | 0x6C | 0xBD | 0xDC | 0x3D | 0xC7 if not self._session:
                return WRONG_KEY
            case 0x6C:
                return self._value(command)
            case 0xDC:
                return self._debit(command)
            case 0xBD:
                return self._read(command)
            case 0x3D:
                return self._write(command)
            case 0xC7:
                return self._commit(command)
            case _:
                return UNKNOWN_COMMAND

    def clone(self) -> Desfire:
        """What a thief makes of it who knows its UID and application, and not its keys."""
        keys = dict.fromkeys(self._keys, self._random(BLOCK))
        return Desfire(self.own_uid, self._aid, keys, key_version=self._version, random=self._random)

    # Authentication -----------------------------------------------------------------------------------------

    def _select(self, application: bytes) -> bytes:
        self._leave_session()
        self._within = application == self._aid
        return OK if self._within else NO_APPLICATION

    def _leave_session(self) -> None:
        self._begun: tuple[bytes, bytes, bytes] | None = None
        self._session = b""
        self._iv = bytes(BLOCK)
        self._pending: dict[int, int] = {}
        self._written: dict[int, bytes] = {}

    def _authenticate(self, number: bytes) -> bytes:
        self._leave_session()
        if len(number) != 1:
            return BAD_LENGTH
        key = self._keys.get(number[0]) if self._within else None
        if key is None:
            return NO_SUCH_KEY
        ours = self._random(BLOCK)
        challenge = encrypted(key, ours)
        self._begun = key, ours, challenge
        return ADDITIONAL + challenge

    def _authenticated(self, token: bytes) -> bytes:
        begun, self._begun = self._begun, None
        if begun is None:
            return UNKNOWN_COMMAND
        key, ours, challenge = begun
        self._read_whole()  # whatever comes of it, the reader has what it wanted of this card
        if len(token) != 2 * BLOCK:
            return BAD_LENGTH
        theirs = xored(decrypted(key, token[:BLOCK]), challenge)
        if xored(decrypted(key, token[BLOCK:]), token[:BLOCK]) != ours[1:] + ours[:1]:
            return WRONG_KEY
        self._session = theirs[0:4] + ours[0:4] + theirs[12:16] + ours[12:16]
        self._iv = bytes(BLOCK)
        return OK + encrypted(key, xored(theirs[1:] + theirs[:1], token[BLOCK:]))

    # Session ------------------------------------------------------------------------------------------------

    def _card_uid(self, key: bytes) -> bytes:
        self._iv = self._mac(key, bytes([CARD_UID]))
        clear = self.own_uid + _crc32(self.own_uid + OK)
        self._iv = encrypted(key, xored(clear.ljust(BLOCK, b"\0"), self._iv))
        return OK + self._iv

    def _value(self, command: bytes) -> bytes:
        self._maced(command)
        if len(command) != 2 or command[1] not in self.values:
            return self._fail(NO_FILE)
        return self._signed(self.values[command[1]].to_bytes(4, "little", signed=True))

    def _debit(self, command: bytes) -> bytes:
        asked, mac = command[:6], command[6:]
        if len(mac) != 8 or self._maced(asked) != mac:
            return self._fail(INTEGRITY)
        file, amount = asked[1], int.from_bytes(asked[2:], "little")
        if file not in self.values:
            return self._fail(NO_FILE)
        left = self._pending.get(file, self.values[file]) - amount
        if left < 0:
            return self._fail(BOUNDARY)
        self._pending[file] = left
        return self._signed(b"")

    def _read(self, command: bytes) -> bytes:
        self._maced(command)
        if len(command) != 8:
            return self._fail(BAD_LENGTH)
        if command[1] not in self.data:
            return self._fail(NO_FILE)
        first, size = int.from_bytes(command[2:5], "little"), int.from_bytes(command[5:8], "little")
        content = self.data[command[1]]
        return self._signed(content[first : first + size]) if first + size <= len(content) else self._fail(BOUNDARY)

    def _write(self, command: bytes) -> bytes:
        asked, mac = command[:-8], command[-8:]
        if len(asked) < 8 or self._maced(asked) != mac:
            return self._fail(INTEGRITY)
        if asked[1] not in self.data:
            return self._fail(NO_FILE)
        first, size, new = int.from_bytes(asked[2:5], "little"), int.from_bytes(asked[5:8], "little"), asked[8:]
        old = self._written.get(asked[1], self.data[asked[1]])
        if size != len(new) or first + size > len(old):
            return self._fail(BOUNDARY)
        self._written[asked[1]] = old[:first] + new + old[first + size :]
        return self._signed(b"")

    def _commit(self, command: bytes) -> bytes:
        self._maced(command)
        self.values |= self._pending
        self.data |= self._written
        self._pending, self._written = {}, {}
        return self._signed(b"")

    def _fail(self, status: bytes) -> bytes:
        """An error ends the session, and with it what was not committed."""
        self._leave_session()
        return status

    def _maced(self, message: bytes) -> bytes:
        self._iv = self._mac(self._session, message)
        return self._iv[:8]

    def _signed(self, data: bytes) -> bytes:
        return OK + data + self._maced(data + OK)

    def _mac(self, key: bytes, message: bytes) -> bytes:
        """CMAC (SP 800-38B), chained to what was before."""
        subkey = doubled(encrypted(key, bytes(BLOCK)))
        if not message or len(message) % BLOCK:
            subkey = doubled(subkey)
            message += b"\x80" + bytes(-(len(message) + 1) % BLOCK)
        iv = self._iv
        for at in range(0, len(message) - BLOCK, BLOCK):
            iv = encrypted(key, xored(message[at : at + BLOCK], iv))
        return encrypted(key, xored(xored(message[-BLOCK:], subkey), iv))


class Without(Desfire):
    """A DESFire of somebody else's: none of our application on it, whatever its UID."""

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid, b"\xff\xff\xff", {})


class Replaying(Desfire):
    """A copy that says what a genuine card said in a conversation that was listened to: answers by instruction."""

    def __init__(self, genuine: Desfire) -> None:
        self._heard = {command[1]: answer for command, answer in genuine.log if command[:1] == b"\x90"}
        super().__init__(genuine.own_uid, genuine._aid, {})

    def _apdu(self, command: bytes) -> bytes:
        heard = self._heard.get(command[1]) if command[:1] == b"\x90" else None
        return heard if heard is not None else super()._apdu(command)


class Saying(Desfire):
    """A card that answers native commands with what it was given, one after the other, and then no more sense."""

    def __init__(self, uid: bytes, answers: Iterable[bytes]) -> None:
        self._answers = iter(answers)
        super().__init__(uid, b"\xff\xff\xff", {})

    def _apdu(self, command: bytes) -> bytes:
        return next(self._answers, b"\x91\x1c") if command[:1] == b"\x90" else super()._apdu(command)


def _crc32(data: bytes) -> bytes:
    """Bit by bit, reflected polynomial EDB88320, from all ones, not inverted at the end."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0xEDB88320 if rest & 1 else 0)
    return rest.to_bytes(4, "little")
