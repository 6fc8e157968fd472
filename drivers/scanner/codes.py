"""A stream of characters → the codes that a scanner has read. Pure: the time comes with the characters."""

from __future__ import annotations

from typing import NamedTuple

from drivers.scanner.keys import LOST

MAX_CODE_BYTES = 2048
"""A longer code is refused: no pass and no label is that long."""
ENDS = b"\r\n"

AIM = {
    "A": "code-39",
    "C": "code-128",
    "E": "ean-13",
    "F": "codabar",
    "I": "itf",
    "Q": "qr",
    "d": "data-matrix",
    "z": "aztec",
    "L": "pdf417",
}
"""Code character of an AIM identifier (ISO/IEC 15424, table 1) → a reading's `symbology`."""
UNKNOWN = "unknown"


class Found(NamedTuple):
    """A code, or (None) one that was not read whole and why."""

    data: bytes | None
    why: str = ""


class Codes:
    """Cuts the stream into codes. `by_silence`: nothing but a pause ends one; else an Enter does, and a pause before it
    means that the code was cut off."""

    def __init__(self, gap_ns: int, *, by_silence: bool = False) -> None:
        self._gap_ns, self._by_silence = gap_ns, by_silence
        self._held = bytearray()
        self._bad = ""
        self._last_ns = 0

    @property
    def waiting(self) -> bool:
        """A code has begun and is not over."""
        return bool(self._held or self._bad)

    def feed(self, data: bytes, now_ns: int) -> list[Found]:
        """What is over with these characters, which came now."""
        found = self.look(now_ns)
        self._last_ns = now_ns
        for byte in data:
            if byte in ENDS:
                found += self._end()
            elif byte == LOST[0]:
                self._bad = self._bad or "characters are missing"
            elif len(self._held) < MAX_CODE_BYTES:
                self._held.append(byte)
            else:
                self._bad = self._bad or f"more than {MAX_CODE_BYTES} bytes"
        return found

    def look(self, now_ns: int) -> list[Found]:
        """What is over because nothing came."""
        if not self.waiting or now_ns - self._last_ns < self._gap_ns:
            return []
        if not self._by_silence:
            self._bad = self._bad or "it stopped before its Enter"
        return self._end()

    def _end(self) -> list[Found]:
        data, bad = bytes(self._held), self._bad
        self._held.clear()
        self._bad = ""
        if bad:
            return [Found(None, bad)]
        return [Found(data)] if data else []


def named(data: bytes, *, aim: bool) -> tuple[str, bytes]:
    """Symbology and data of a code, of which the first three characters are an AIM identifier where scanners send one.
    One that is missing or unknown takes nothing away."""
    if not aim or len(data) < 3 or data[:1] != b"]":
        return UNKNOWN, data
    kind = AIM.get(chr(data[1]), UNKNOWN)
    if kind == "ean-13" and data[2:3] == b"4":
        kind = "ean-8"  # ISO/IEC 15424, ]E4
    return kind, data[3:]


class Repeats:
    """The same code again within a time is no new one: a scanner in presentation mode reads as long as it sees."""

    def __init__(self, within_ns: int) -> None:
        self._within_ns = within_ns
        self._last: tuple[int, int] | None = None

    def is_new(self, data: bytes, now_ns: int) -> bool:
        # By a hash of this process: no code is kept.
        seen, before = hash(data), self._last
        self._last = seen, now_ns
        return before is None or before[0] != seen or now_ns - before[1] >= self._within_ns
