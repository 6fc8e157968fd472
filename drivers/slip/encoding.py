"""A slip as the bytes of ESC/POS, by python-escpos. Import it by `pages.encoder` only: with Pillow behind it, that
library takes memory and time.

Of the library its `Escpos` and `Encoder` are used, and its table of models. The letters that it gets are safe already
(`drivers.slip.text`): it would hand on controls as they are. It does not draw: in the dots of a picture a printer finds
commands that it obeys at once (DLE DC4 opens a drawer).
"""

from __future__ import annotations

from typing import ClassVar

import qrcode
from escpos.capabilities import CAPABILITIES, get_profile
from escpos.constants import QR_ECLEVEL_M
from escpos.escpos import Escpos
from escpos.magicencode import Encoder as Letters
from qrcode.constants import ERROR_CORRECT_M
from qrcode.exceptions import DataOverflowError
from qrcode.util import MODE_8BIT_BYTE, QRData

from drivers.contract.slip import Align, Slip, SlipCode, SlipText
from drivers.driver import CallRefused, DeviceError
from drivers.slip import text
from drivers.slip.errors import Code, problem
from drivers.slip.options import Options
from drivers.slip.pages import LONGEST

NO_DOUBLE_BYTE = b"\x1c."
"""FS ."""
GROUPS = (("CP775", "CP1257"), ("CP866", "CP1251"), ("CP437", "CP850", "CP1252", "CP852"))
"""Of each the first that a model has: for Latvian and Lithuanian, for Russian, for the rest of Europe."""
DOTS_A_LETTER = 12
"""Font A is 12 dots wide on all models of the table."""
QUIET, MODULES, MODULES_MORE = 8, 17, 4
"""Modules beside a QR code, and of it: 17, and 4 for each version (ISO/IEC 18004)."""
SMALLEST, LARGEST = 3, 8
"""Dots of a module: with fewer than 3 telephones cannot read it."""


class _Bytes(Escpos):  # type: ignore[misc]  # the library has no types
    """Keeps what a printer would get."""

    def __init__(self, *args: object, **more: object) -> None:
        self.found: list[bytes] = []
        super().__init__(*args, **more)

    def _raw(self, msg: bytes) -> None:
        self.found.append(msg)


class Encoder:
    """Encodes slips for one model. Raises `DeviceError` when there is no such model."""

    _sides: ClassVar[dict[Align, str]] = {Align.LEFT: "left", Align.CENTRE: "center", Align.RIGHT: "right"}

    def __init__(self, options: Options) -> None:
        self._options = options
        if options.profile not in CAPABILITIES["profiles"]:
            known = ", ".join(sorted(CAPABILITIES["profiles"]))
            raise DeviceError(problem(Code.BAD_PROFILE, why=f"there is no {options.profile}; there are {known}"))
        model = get_profile(options.profile)
        self._pages = _pages(options, model.codePages)
        if not self._pages:
            why = f"nothing is known of the code pages of {options.profile}"
            raise DeviceError(problem(Code.BAD_PROFILE, why=why))
        self._letters = Letters(self._pages)
        self.columns: int = options.columns or model.get_columns("a")
        self.draws_codes = options.qr == "printer" or (options.qr == "model" and bool(model.supports("qrCode")))

    def encode(self, slip: Slip) -> bytes:
        """All of a slip, with what brings the printer into a known state before it. Raises `CallRefused`."""
        # A new encoder each time: after ESC @ the printer's code page is its own default again.
        printer = _Bytes(self._options.profile, magic_encode_args={"encoder": Letters(self._pages)})
        printer.hw("INIT")
        if self._options.double_byte:
            printer._raw(NO_DOUBLE_BYTE)
        count = 0
        for number, part in enumerate(slip.parts):
            match part:
                case SlipText():
                    count += self._text(printer, number, part)
                case SlipCode(data=data) if self.draws_codes:
                    self._code(printer, number, data)
                case SlipCode(data=data):
                    count += self._text(printer, number, SlipText(data, align=Align.CENTRE))
            if count > LONGEST:
                raise CallRefused(problem(Code.TOO_LONG, why=f"more than {LONGEST}"))
        printer.set(align="left", bold=False, normal_textsize=True)
        if self._options.cut == "none":
            printer.print_and_feed(6)
        else:
            printer.cut(self._options.cut)
        return b"".join(printer.found)

    def _text(self, printer: _Bytes, number: int, part: SlipText) -> int:
        columns = max(1, self.columns // 2) if part.large else self.columns
        try:
            found = text.lines(part.text, columns, self._has)
        except text.TextRefused as refused:
            raise CallRefused(problem(Code.BAD_TEXT, number, refused)) from None
        size = {"double_width": True, "double_height": True} if part.large else {"normal_textsize": True}
        printer.set(align=self._sides[part.align], bold=part.bold, **size)
        for line in found[: LONGEST + 1]:
            printer.textln(line)
        return len(found)

    def _code(self, printer: _Bytes, number: int, data: str) -> None:
        try:
            size = _module_dots(text.code(data).encode(), self.columns * DOTS_A_LETTER)
        except (text.TextRefused, DataOverflowError) as refused:
            raise CallRefused(problem(Code.BAD_CODE, number, refused)) from None
        if size < SMALLEST:
            raise CallRefused(problem(Code.BAD_CODE, number, "it would be wider than the paper"))
        printer.set(align="center", bold=False, normal_textsize=True)
        printer.qr(data, ec=QR_ECLEVEL_M, size=size, native=True)

    def _has(self, letter: str) -> bool:
        return letter.isascii() or any(self._letters.can_encode(page, letter) for page in self._pages)


def _pages(options: Options, model: dict[str, str]) -> dict[str, int]:
    """Name (as the library has it) → number, of the code pages that are used: of the model's as few as will do, because
    what a table says of the others may never have been tried."""
    if options.code_pages:
        return {name.upper(): number for name, number in options.code_pages.items()}
    has = {name: int(number) for number, name in model.items()}
    chosen = (next((name for name in group if name in has), None) for group in GROUPS)
    return {name: has[name] for name in chosen if name is not None}


def _module_dots(data: bytes, dots: int) -> int:
    """Dots of a module, so that the code is as large as is of use and fits on a line of so many dots; 0: it does not
    fit. Raises `DataOverflowError`."""
    drawn = qrcode.QRCode(error_correction=ERROR_CORRECT_M)
    # The printer may know shorter ways to write it; as bytes it is largest.
    drawn.add_data(QRData(data, MODE_8BIT_BYTE))
    modules = MODULES + MODULES_MORE * int(drawn.best_fit()) + QUIET
    return min(LARGEST, dots // modules)
