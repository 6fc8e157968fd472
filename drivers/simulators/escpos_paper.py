"""What an ESC/POS printer makes of the bytes that it gets: paper that a person can read. Written apart from the driver
and from the library that it encodes with, so that a misreading in one of them shows.

Sources: Epson, TM-T85 Specification, Commands; Epson, ESC/POS command reference for TM printers, ESC t (code pages).
"""

from __future__ import annotations

import msgspec

CODE_PAGES = {
    0: "cp437",
    2: "cp850",
    16: "cp1252",
    17: "cp866",
    18: "cp852",
    19: "cp858",
    33: "cp775",
    34: "cp855",
    45: "cp1250",
    46: "cp1251",
    51: "cp1257",
}
"""ESC t n of Epson's printers."""
SIDES = ("left", "centre", "right")

LENGTHS = {
    b"\x1b@": 0,
    b"\x1bt": 1,
    b"\x1ba": 1,
    b"\x1bE": 1,
    b"\x1b!": 1,
    b"\x1bM": 1,
    b"\x1bd": 1,
    b"\x1bJ": 1,
    b"\x1b2": 0,
    b"\x1b3": 1,
    b"\x1b-": 1,
    b"\x1b{": 1,
    b"\x1bp": 3,
    b"\x1bR": 1,
    b"\x1d!": 1,
    b"\x1dB": 1,
    b"\x1db": 1,
    b"\x1dr": 1,
    b"\x1da": 1,
    b"\x1dI": 1,
    b"\x1c.": 0,
    b"\x1c&": 0,
    b"\x10\x04": 1,
    b"\x10\x05": 1,
    b"\x10\x14": 3,
}
"""Commands and how many bytes follow them. GS V and GS ( k say it themselves."""


class Printed(msgspec.Struct, frozen=True):
    """A line on the paper."""

    text: str
    bold: bool = False
    large: bool = False
    side: str = "left"


class Drawn(msgspec.Struct, frozen=True):
    """A QR code on the paper."""

    data: str
    dots: int
    """Of a module."""
    side: str = "left"


class Torn(msgspec.Struct, frozen=True):
    """A slip that was cut off. `part`: a little of the paper is left."""

    lines: tuple[Printed | Drawn, ...]
    part: bool = False

    @property
    def text(self) -> str:
        """As a person reads it."""
        shown = (line.text if isinstance(line, Printed) else f"[QR {line.data}]" for line in self.lines)
        return "\n".join(shown)


class Paper:
    """The printer's head, cutter and drawer. `step` does one thing at a time."""

    def __init__(self, *, knows_gs_r: bool = True) -> None:
        self._knows_gs_r = knows_gs_r
        self._held = b""
        self._reset()
        self.page = 0
        """Code page; the printer's own default when it was switched on."""
        self.lines: list[Printed | Drawn] = []
        """Of the slip that is not cut off yet."""
        self.slips: list[Torn] = []
        self.drawer_openings = 0
        self.strays: list[bytes] = []
        """What was neither a letter nor a command that is known here."""
        self.commands: list[bytes] = []
        """Every command as it came, without its data."""

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return len(self._held)

    def feed(self, data: bytes) -> None:
        self._held += data

    def clear(self) -> None:
        """Switched off: what was not printed yet is gone."""
        self._held, self._line = b"", ""
        self._reset()
        self.page = 0

    def step(self) -> tuple[bool, bytes]:
        """One letter, or one command with all of its data: whether something was done, and what is answered."""
        if not self._held:
            return False, b""
        first = self._held[0]
        if first >= 0x20 and first != 0x7F:
            self._line += bytes([first]).decode(CODE_PAGES.get(self.page, "ascii"), errors="replace")
            self._held = self._held[1:]
            return True, b""
        if first == 0x0A:
            self._held = self._held[1:]
            self._feed()
            return True, b""
        if first not in (0x10, 0x1B, 0x1C, 0x1D):
            return self._stray(1)
        size = self._size()
        if size < 0:
            return self._stray(2)
        if size == 0 or len(self._held) < size:
            return False, b""  # The rest of it has not come yet.
        command, self._held = self._held[:size], self._held[size:]
        self.commands.append(command[:2])
        return True, self._do(command[:2], command[2:])

    def _size(self) -> int:
        """Bytes of the command that begins here; 0 when that is not known yet, -1 for none that is known."""
        name = self._held[:2]
        if len(name) < 2:
            return 0
        if name == b"\x1dV":
            if len(self._held) < 3:
                return 0
            return 4 if self._held[2] in (65, 66) else 3
        if name == b"\x1d(":
            if len(self._held) < 5:
                return 0
            return 5 + int.from_bytes(self._held[3:5], "little") if self._held[2:3] == b"k" else -1
        if name == b"\x1dr" and not self._knows_gs_r:
            return -1
        length = LENGTHS.get(name)
        return -1 if length is None else 2 + length

    def _do(self, name: bytes, data: bytes) -> bytes:
        match name:
            case b"\x1b@":
                self._line = ""
                self._reset()
                self.page = 0
            case b"\x1bt":
                self.page = data[0]
            case b"\x1ba":
                self._side = SIDES[data[0] % 48 % 3]
            case b"\x1bE":
                self._bold = bool(data[0] & 1)
            case b"\x1b!":
                self._bold = bool(data[0] & 0x08)
                self._large = data[0] & 0x30 == 0x30
            case b"\x1d!":
                self._large = data[0] == 0x11
            case b"\x1bd":
                for _ in range(data[0]):
                    self._feed()
            case b"\x1bp":
                self.drawer_openings += 1
            case b"\x10\x14":
                self.drawer_openings += data[0] == 1
            case b"\x1dV":
                self.slips.append(Torn(_without_blank_end(self.lines), part=data[0] in (1, 49, 66)))
                self.lines = []
            case b"\x1d(":
                self._symbol(data[3:])
            case b"\x1dr":
                return b"\x00"
        return b""

    def _symbol(self, data: bytes) -> None:
        """GS ( k, cn 49: a QR code is described, stored, drawn."""
        kind, function, rest = data[0:1], data[1:2], data[2:]
        if kind != b"1":
            self.strays.append(b"\x1d(k" + kind)
        elif function == b"C":
            self._module = rest[0]
        elif function == b"P":
            self._stored = rest[1:]
        elif function == b"Q":
            self.lines.append(Drawn(self._stored.decode("utf-8", errors="replace"), self._module, self._side))

    def _feed(self) -> None:
        self.lines.append(Printed(self._line, self._bold, self._large, self._side))
        self._line = ""

    def _stray(self, size: int) -> tuple[bool, bytes]:
        if len(self._held) < size:
            return False, b""
        self.strays.append(self._held[:size])
        self._held = self._held[size:]
        return True, b""

    def _reset(self) -> None:
        """ESC @."""
        self._line = ""
        self._side, self._bold, self._large = "left", False, False
        self._module, self._stored = 3, b""


def _without_blank_end(lines: list[Printed | Drawn]) -> tuple[Printed | Drawn, ...]:
    """What was fed before the cut is no line."""
    kept = list(lines)
    while kept and isinstance(kept[-1], Printed) and not kept[-1].text:
        kept.pop()
    return tuple(kept)
