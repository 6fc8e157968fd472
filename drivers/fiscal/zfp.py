"""Tremol ZFP frames: encode a request, find the answers in a byte stream. Pure: bytes in, values out.

    host to device   02 LEN NBL CMD DATA CS1 CS2 0A
    device to host   02 LEN NBL CMD DATA CS1 CS2 0A      with what was asked for
                     06 NBL STE1 STE2 CS1 CS2 0A         done, or refused: the two digits say which
                     15 (the request came broken) or 0E (busy with the command before, this one was not taken)

LEN is 20h plus the bytes from LEN to the last of DATA. CS is the exclusive or of those (in an acknowledgement from
NBL on), as two nibbles plus 30h. NBL is 20h to 9Fh, and the answer carries that of its request.
Source: Tremol, Protocol description, BG, v1910211454, 1.1 and 1.2.
"""

from __future__ import annotations

import re

from drivers.fiscal.frames import Answer, Event, Signal

START, ACKNOWLEDGED, END = 0x02, 0x06, 0x0A
NBL_FIRST, NBL_LAST = 0x20, 0x9F
MAX_DATA = 124
"""Bytes of DATA in a request: the document gives LEN the range 20h to 9Fh. (It also speaks of 3902 bytes, which
no LEN of one byte can tell.)"""

_OFFSET = 0x20
_COUNTED = 3  # LEN NBL CMD
_TAIL = 3  # CS1 CS2 0A
_ACK_SIZE = 7
MAX_ANSWER = 1 + 0xFF - _OFFSET + _TAIL
"""Bytes in the longest frame that LEN can announce. Answers do go beyond 9Fh: 72h and 6Dh have more fields than fit."""

_SIGNALS = {0x15: Signal.NAK, 0x0E: Signal.RETRY}
_RUN = re.compile(rb"[\x0e\x15]+")
_BEGINNING = re.compile(rb"[\x02\x06\x0e\x15]")


class FrameError(ValueError):
    """Bytes that are no frame, or a request that no frame can carry."""


def checksum(body: bytes) -> bytes:
    """Two digits of the exclusive or of `body`."""
    total = 0
    for byte in body:
        total ^= byte
    return bytes((0x30 + (total >> 4), 0x30 + (total & 0xF)))


def encode_request(nbl: int, command: int, data: bytes = b"") -> bytes:
    """One request frame. Raises `FrameError` when NBL, command or DATA do not fit into one."""
    if not NBL_FIRST <= nbl <= NBL_LAST:
        raise FrameError(f"NBL {nbl:02X}h is outside {NBL_FIRST:02X}h to {NBL_LAST:02X}h")
    if not 0x20 <= command <= 0x7F:
        raise FrameError(f"command {command} is outside 32 to 127")
    if len(data) > MAX_DATA:
        raise FrameError(f"{len(data)} bytes of DATA, at most {MAX_DATA} fit")
    if data and min(data) < 0x20:
        raise FrameError("DATA holds a control character")
    body = bytes((_OFFSET + _COUNTED + len(data), nbl, command)) + data
    return bytes((START,)) + body + checksum(body) + bytes((END,))


def decode_answer(frame: bytes) -> Answer:
    """The answer in `frame`, which must be exactly one frame. Raises `FrameError`."""
    if len(frame) < _ACK_SIZE or frame[-1] != END or frame[0] not in (START, ACKNOWLEDGED):
        raise FrameError("not an answer frame")
    body, digits = frame[1:-_TAIL], frame[-_TAIL:-1]
    if checksum(body) != digits:
        raise FrameError("the checksum is wrong")
    if frame[0] == ACKNOWLEDGED:
        if len(body) != _COUNTED:
            raise FrameError("an acknowledgement of the wrong size")
        answer = Answer(seq=body[0], command=None, data=b"", status=body[1:])
    else:
        if body[0] != _OFFSET + len(body):
            raise FrameError("LEN does not agree with the frame")
        answer = Answer(seq=body[1], command=body[2], data=body[3:], status=b"")
    if not NBL_FIRST <= answer.seq <= NBL_LAST:
        raise FrameError("NBL is outside 20h to 9Fh")
    return answer


class AnswerParser:
    """Finds answers and signals in whatever comes, in chunks of any size; junk between them is dropped.

    Guarantees: raises nothing; holds at most `MAX_ANSWER` bytes between two calls; a frame is taken by its LEN,
    never by looking for 0Ah; after a broken frame the search goes on behind its first byte, so that a good frame
    inside of it is still found.

    A signal is believed only when the line is quiet after it: from `feed` of nothing, or `expire`. One wrong bit makes
    0Eh of the 06h that begins an acknowledgement, and a request that is sent again is carried out again by these
    devices: what looks like a signal with anything else around it, or in what is left of a broken frame, is none. Of
    several in a row the last one counts.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._alone = True
        self.broken = 0
        self.junk = 0

    @property
    def held(self) -> int:
        """Bytes of what is not complete."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Event]:
        """The answers that `data` completes; empty: the line was quiet for a moment, what stands alone is a signal."""
        self._held += data
        return self._scan(complete=False, quiet=not data)

    def expire(self) -> list[Event]:
        """The line has been silent: what has begun will not be completed. Searches behind its beginning."""
        events = self._scan(complete=True, quiet=True)
        self._alone = True
        return events

    def reset(self) -> None:
        """Forget what has begun."""
        self._held.clear()
        self._alone = True

    def _scan(self, *, complete: bool, quiet: bool) -> list[Event]:
        events: list[Event] = []
        held, at = bytes(self._held), 0
        while found := _BEGINNING.search(held, at):
            self._drop(found.start() - at)
            at = found.start()
            if signals := _RUN.match(held, at):
                if signals.end() < len(held) or not self._alone:
                    self._drop(len(signals[0]))
                elif quiet:
                    events.append(_SIGNALS[held[-1]])
                else:
                    at = len(held) - 1
                    break
                at = signals.end()
                continue
            size = _announced(held[at : at + 2])
            if size > len(held) - at and not complete:
                break
            try:
                events.append(decode_answer(held[at : at + size]))
                at += size
                self._alone = True
            except FrameError:
                self.broken += 1
                self._alone = False
                at += 1
        else:
            self._drop(len(held) - at)
            at = len(held)
        self._held[:] = held[at:]
        return events

    def _drop(self, size: int) -> None:
        self.junk += size
        self._alone = self._alone and not size


def _announced(head: bytes) -> int:
    """Size of the frame that begins with `head`; 1, which is no frame, when LEN cannot be an answer's."""
    if head[0] == ACKNOWLEDGED:
        return _ACK_SIZE
    if len(head) < 2:
        return MAX_ANSWER
    return 1 if head[1] < _OFFSET + _COUNTED else 1 + head[1] - _OFFSET + _TAIL


class ZfpFraming:
    """`drivers.fiscal.frames.Framing`.

    `repeats` is False. The document asks for an NBL other than the last one's (3.1) and leaves open what the device
    does with the same one; no public driver relies on it (erpnet/ErpNet.FP, BgZfpFiscalPrinter.Frame.cs, sends the
    same frame again after 15h only; Unicontsoft/UcsFiscalPrinters, cTremolProtocol.cls, takes a new NBL for every
    send). So nothing is sent again after silence: the course reads back instead.
    """

    seq_first = NBL_FIRST
    seq_last = NBL_LAST
    repeats = False

    def encode(self, seq: int, command: int, data: bytes) -> bytes:
        """Raises `FrameError`."""
        return encode_request(seq, command, data)

    def parser(self) -> AnswerParser:
        return AnswerParser()
