"""The sip2 driver: keeps a session with the library's system, asks about one card at a time, says one word.

What a patron's answer holds beside that (name, address, fines) is compared with nothing and kept nowhere. A card's
number is in a call, in the question on the wire, and until the patron's session is ended there.
"""

from __future__ import annotations

import time
from typing import ClassVar

import msgspec

from drivers import secret_files
from drivers.contract.core import Kind
from drivers.contract.library import Patron, PatronStanding, PatronStatus, PinWord
from drivers.driver import CallRefused, DeviceError, Driver, Port
from drivers.sip2 import codec
from drivers.sip2.codec import Answer, Flag
from drivers.sip2.errors import Code, problem
from drivers.sip2.link import Link, connect
from drivers.sip2.options import Options

PROOF_S = 4.0
"""Between two status messages: the server's proof of life, and often what keeps its connection open."""
LOOK_S = 0.5
"""Between two looks for patrons whose sessions are to be ended: not while their answer is waited for."""
LEAST_S = 0.05
"""Less time left than that is not worth a question."""
MOST_PASSWORD = 256


class Sip2Driver(Driver[Options]):
    """One connection to a SIP2 server."""

    name: ClassVar[str] = "sip2"
    kind: ClassVar[Kind] = Kind.LIBRARY
    options_type: ClassVar[type[msgspec.Struct]] = Options
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = (PatronStatus,)

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._link: Link | None = None
        self._options: Options
        self._gone: list[bytes] = []
        self._proof_at = 0.0

    def open(self, options: Options) -> dict[str, str]:
        """Connect, log in, and hear that the library's system is on line."""
        self._options = options
        self._gone = []
        password = _password(options.password) if options.password else b""
        self._link = connect(options)
        if options.user:
            message = codec.login(options.user.encode(), password, options.location.encode())
            if not codec.said_yes(self._ask(message, b"94")):
                raise DeviceError(problem(Code.NO_LOGIN, self._where))
        answer = self._prove()
        return {"server": self._where, "version": answer.fixed[-4:].decode("ascii", "replace")}

    def poll(self) -> float:
        """End the sessions of patrons who were asked about, then prove that the server lives."""
        if self._link is not None:
            self._link.check()
        while self._gone:
            message = codec.end_session(_now(), self._options.institution.encode(), self._gone.pop())
            self._ask(message, b"36")
        if time.monotonic() >= self._proof_at:
            self._prove()
        return LOOK_S

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case PatronStatus(barcode=barcode, pin=pin):
                return self._patron(barcode.encode(), pin, deadline)
            case _:
                return super().handle(call, deadline)

    def close(self) -> None:
        self._gone = []
        if self._link is not None:
            self._link.close()
            self._link = None

    # Patrons ---------------------------------------------------------------------------------------------

    def _patron(self, barcode: bytes, pin: str | None, deadline: float) -> Patron:
        left = deadline - time.monotonic()
        if left < LEAST_S:
            raise CallRefused(problem(Code.TOO_LATE))
        code, answers = (b"63", b"64") if self._options.ask == "information" else (b"23", b"24")
        institution = self._options.institution.encode()
        try:
            message = codec.patron(code, _now(), institution, barcode, (pin or "").encode())
        except ValueError as error:
            raise CallRefused(problem(Code.BAD_BARCODE)) from error
        answer = self._ask(message, answers, left)
        self._gone.append(barcode)
        self.alive()
        return self._told(answer, barcode, pin)

    def _told(self, answer: Answer, barcode: bytes, pin: str | None) -> Patron:
        about = answer.fields.get(b"AA", b"").strip()
        if about.upper() != barcode.strip().upper():
            raise DeviceError(problem(Code.WRONG_ANSWER, self._where, "an answer about another patron"))
        valid = codec.yes_no(answer, b"BL")
        if valid is None:
            raise CallRefused(problem(Code.NOT_TOLD, self._where))
        standing = PatronStanding.VALID
        if codec.flag(answer, Flag.CARD_LOST):
            standing = PatronStanding.LOST
        elif not valid:
            standing = PatronStanding.UNKNOWN
        elif codec.flag(answer, Flag.CHARGE_DENIED):
            standing = PatronStanding.BARRED
        if pin is None:
            return Patron(standing)
        # Only a PIN that was typed can be right, and only of a card that is one.
        right = valid and bool(pin) and codec.yes_no(answer, b"CQ") is True
        return Patron(standing, PinWord.RIGHT if right else PinWord.WRONG)

    # Server ----------------------------------------------------------------------------------------------

    def _prove(self) -> Answer:
        answer = self._ask(codec.status(), b"98")
        if not codec.is_online(answer):
            raise DeviceError(problem(Code.OFFLINE, self._where))
        self._proof_at = time.monotonic() + PROOF_S
        self.alive()
        return answer

    def _ask(self, message: bytes, code: bytes, left: float = float("inf")) -> Answer:
        if self._link is None:
            raise DeviceError(problem(Code.CLOSED, self._where, "it is closed"))
        return self._link.ask(message, code, min(left, self._options.answer_ms / 1000))

    @property
    def _where(self) -> str:
        return f"{self._options.host}:{self._options.port}"


def _now() -> bytes:
    """The protocol's date: local time, the zone left blank."""
    return time.strftime("%Y%m%d    %H%M%S").encode()


def _password(path: str) -> bytes:
    """What the file holds, without white space around it. Raises `DeviceError`, never with a word of it."""
    try:
        text = secret_files.content(path, 2 * MOST_PASSWORD).strip()
    except secret_files.SecretFault as fault:
        raise DeviceError(secret_files.advised(problem(Code.PASSWORD_FILE, why=fault.why), fault)) from fault
    if not 1 <= len(text) <= MOST_PASSWORD or any(byte < 0x20 or byte in b"|\x7f" for byte in text):
        raise DeviceError(problem(Code.PASSWORD_FILE, why="it is empty, too long, or holds a | or a line end"))
    return text
