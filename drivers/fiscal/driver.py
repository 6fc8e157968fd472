"""The shell: opens the printer, walks a receipt's course on the wire, stores its durable points."""

from __future__ import annotations

import random
import time
from collections import deque
from typing import ClassVar

import msgspec

from drivers import secret_files
from drivers.contract.core import Kind
from drivers.contract.printer import Baseline, Outcome, Print, PrinterStatus, PrintStep, Result, Status
from drivers.driver import DeviceError, Driver, Port
from drivers.fiscal import datecs_v1_data as wire
from drivers.fiscal.datecs_v1 import SEQ_FIRST, SEQ_LAST, Command
from drivers.fiscal.errors import Reason, Trouble, advice, problem
from drivers.fiscal.families import DATECS_V1_A, FAMILIES, Family, Sign
from drivers.fiscal.link import Exchange, Link, LinkLost, Loss
from drivers.fiscal.options import Options
from drivers.fiscal.plan import Plan, Refusal, Till, plan
from drivers.fiscal.receipt import Ask, Heard, InTime, Lost, Store, receipt
from drivers.fiscal.serial_port import SerialPort
from drivers.fiscal.text import is_code_page

KEYS_REMEMBERED = 256
"""Keys of this process that must not come again. The gateway's ledger remembers them for ever; this is the
last guard behind it."""

_LOSSES = {
    Loss.SILENT: Trouble.NO_ANSWER,
    Loss.NOT_UNDERSTOOD: Trouble.NOT_UNDERSTOOD,
    Loss.BUSY_TOO_LONG: Trouble.BUSY_TOO_LONG,
    Loss.PORT_GONE: Trouble.PORT_GONE,
    Loss.OUT_OF_STEP: Trouble.STRANGE_ANSWER,
}


class FiscalDriver(Driver[Options]):
    """A fiscal printer.

    Guarantees: `Print` sends each command of a receipt once and never begins a receipt by itself; a receipt
    found open at the start is reported and left alone; the operator's password is in no log and no message.
    A `Print` that ends in a problem instead of an `Outcome` was not begun: nothing was printed.
    """

    name: ClassVar[str] = "fiscal"
    kind: ClassVar[Kind] = Kind.PRINTER
    options_type: ClassVar[type[msgspec.Struct]] = Options
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = (Print, Status)

    _options: Options
    _till: Till
    _link: Link

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._family: Family = DATECS_V1_A
        self._serial: SerialPort | None = None
        self._told: frozenset[Sign] = frozenset()
        self._keys: deque[str] = deque(maxlen=KEYS_REMEMBERED)

    # Life ------------------------------------------------------------------------------------------------

    def open(self, options: Options) -> dict[str, str]:
        """Family first (90), then status (74) and the current receipt (76). Changes nothing at the device."""
        self._options = options
        self._family = FAMILIES[options.family]
        self._till = _till(options, self._family)
        self._serial = SerialPort(options.port, options.baud)
        self._serial.open()
        self._link = Link(
            self._serial,
            first_seq=random.randint(SEQ_FIRST, SEQ_LAST),  # noqa: S311  against chance, not against people
            silence_s=options.silence_ms / 1000,
            resends=options.resends,
            answer_s=options.answer_ms / 1000,
        )
        identity = self._identify()
        self._told = frozenset()
        signs = self._look()
        transaction = self._transaction()
        detail = {
            "family": self._family.name,
            "model": identity.model,
            "firmware": identity.firmware,
            "serial": identity.serial,
            "fiscal_memory": identity.fiscal_memory,
        }
        if Sign.RECEIPT_OPEN in signs or transaction.open:
            detail["open_receipt"] = f"{transaction.items} lines, {transaction.amount_cents} cents"
        return detail

    def poll(self) -> float:
        self._look()
        return self._options.poll_s

    def close(self) -> None:
        port, self._serial = self._serial, None
        if port is not None:
            port.close()

    # Calls -----------------------------------------------------------------------------------------------

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case Status():
                return self._status()
            case Print():
                return self._print(call, deadline)
            case _:
                return super().handle(call, deadline)

    def _status(self) -> PrinterStatus:
        signs = self._look()
        return PrinterStatus(
            ready=not self._family.blocks(signs),
            paper=Sign.PAPER_OUT not in signs,
            open_receipt=Sign.RECEIPT_OPEN in signs,
            last_number=self._last_number(),
            problems=_problems(signs),
        )

    def _print(self, asked: Print, deadline: float) -> Outcome:
        try:
            if asked.key in self._keys:
                raise Refusal(Reason.KEY_USED, "this key has been begun before")
            work = plan(asked, self._family, self._till)
            self._check_device()
        except Refusal as refusal:
            return Outcome(asked.key, Result.REFUSED, reason=str(refusal), advice=advice(refusal.reason))
        baseline = self._last_number()
        self._keys.append(asked.key)
        outcome = self._walk(work, baseline, deadline)
        if outcome.outcome in (Result.REFUSED, Result.CANCELLED):
            self._keys.remove(asked.key)
        return outcome

    def _check_device(self) -> None:
        """Raises `Refusal` when no receipt may be begun now."""
        signs = self._look()
        if Sign.RECEIPT_OPEN in signs:
            transaction = self._transaction()
            what = f"{transaction.items} lines, {wire.money(abs(transaction.amount_cents))}, on the printer"
            raise Refusal(Reason.RECEIPT_OPEN, what)
        if blocks := self._family.blocks(signs):
            raise Refusal(Reason.PRINTER_NOT_READY, ", ".join(blocks))

    def _walk(self, work: Plan, baseline: str, deadline: float) -> Outcome:
        """Do what the course of the receipt says, step by step."""
        course = receipt(work, self._family, baseline)
        move = next(course)
        try:
            while True:
                match move:
                    case Store(point=point, number=number):
                        self.step(PrintStep(work.key, point, Baseline(number=baseline), number))
                        move = course.send(None)
                    case Ask(command=command, data=data):
                        move = course.send(self._heard(command, data))
                    case InTime():
                        move = course.send(time.monotonic() < deadline)
        except StopIteration as end:
            outcome: Outcome = end.value
        if outcome.outcome is not Result.PRINTED:
            self.log(f"receipt {work.key}: {outcome.outcome}, {outcome.reason}")
        return outcome

    # Wire ------------------------------------------------------------------------------------------------

    def _heard(self, command: Command, data: bytes) -> Heard | Lost:
        try:
            exchange = self._link.ask(command, data)
        except LinkLost as error:
            return Lost(str(error))
        self.alive()
        return Heard(exchange.data, self._family.signs(exchange.status), exchange.unsure)

    def _read(self, command: Command, data: bytes = b"") -> Exchange:
        """A command that only reads. Raises `DeviceError`."""
        try:
            exchange = self._link.ask(command, data)
        except LinkLost as error:
            raise self._lost(error) from error
        self.alive()
        return exchange

    def _look(self) -> frozenset[Sign]:
        """Status, told to the log when it has changed."""
        signs = self._family.signs(self._read(Command.STATUS, wire.STATUS_AT_ONCE).status)
        if signs != self._told:
            self.log(f"printer says: {', '.join(_problems(signs)) or 'all is well'}")
            self._told = signs
        return signs

    def _identify(self) -> wire.Identity:
        """The first thing that is ever sent, because nearly everything else means something else to another
        family. Raises `DeviceError`."""
        try:
            exchange = self._link.synchronise(Command.IDENTIFY, wire.IDENTIFY)
        except LinkLost as error:
            raise self._lost(error) from error
        identity = wire.read_identity(exchange.data)
        if identity.model.startswith(self._family.other_models):
            raise DeviceError(problem(Trouble.WRONG_FAMILY, port=self._options.port, what=identity.model))
        return identity

    def _transaction(self) -> wire.Transaction:
        exchange = self._read(Command.TRANSACTION, wire.TRANSACTION_WITH_TENDER)
        try:
            return wire.read_transaction(exchange.data)
        except wire.DataError as error:
            raise self._strange(error) from error

    def _last_number(self) -> str:
        exchange = self._read(Command.LAST_NUMBER)
        try:
            return wire.read_number(exchange.data)
        except wire.DataError as error:
            raise self._strange(error) from error

    def _lost(self, error: LinkLost) -> DeviceError:
        return DeviceError(problem(_LOSSES[error.loss], port=self._options.port, what=str(error)))

    def _strange(self, error: wire.DataError) -> DeviceError:
        return DeviceError(problem(Trouble.STRANGE_ANSWER, port=self._options.port, what=str(error)))


def _problems(signs: frozenset[Sign]) -> tuple[str, ...]:
    return tuple(sorted(sign.value for sign in signs))


def _till(options: Options, family: Family) -> Till:
    """Raises `DeviceError` when the code page or the password file cannot be used."""
    if not is_code_page(options.encoding):
        raise DeviceError(problem(Trouble.BAD_ENCODING, what=options.encoding))
    password = family.default_password if options.password_file is None else _password(options.password_file)
    return Till(options.operator, password, options.till, options.encoding, options.vat_letters)


def _password(path: str) -> str:
    """Raises `DeviceError` when others can read the file or it holds no password."""
    try:
        password = secret_files.content(path, 64).decode("ascii").strip()
    except secret_files.SecretFault as fault:
        raise DeviceError(secret_files.advised(problem(Trouble.BAD_PASSWORD_FILE, what=str(fault)), fault)) from fault
    except UnicodeDecodeError as error:
        raise DeviceError(problem(Trouble.BAD_PASSWORD_FILE, what=f"{path}: it is not ASCII")) from error
    if not 1 <= len(password) <= 8 or not password.isdigit():
        raise DeviceError(problem(Trouble.BAD_PASSWORD_FILE, what=f"{path} holds no password of 1 to 8 digits"))
    return password
