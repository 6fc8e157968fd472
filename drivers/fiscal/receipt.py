"""The course of one receipt, of a sale or of what is given back, from intent to outcome. Pure: says what to do next, is
told what came of it.

    status, counters -> intent -> open -> opened -> key, lines, subtotal -> paying -> payments -> closing -> close
    -> closed

Guarantees, for any answers whatever: every durable point comes before the wire step that follows it; a receipt is
opened once; a payment only after the device's own subtotal equals the computed total; cancelling only as `settle` says;
`printed` only when the device confirmed it, by its answer to the close or by its counters; `refused` only when nothing
was opened. After a lost answer the port is opened again and the device read back.
Source of what is legal when: Datecs, Communication Protocol, group A, v1.00BG, commands 48 to 60.
"""

from __future__ import annotations

import msgspec

from drivers.contract.printer import Baseline, Outcome, PrintPoint, Result
from drivers.fiscal.dialect import Dialect
from drivers.fiscal.ending import Ending
from drivers.fiscal.errors import Reason, Trouble
from drivers.fiscal.families import OPEN_SIGNS, Sign
from drivers.fiscal.finish import finish
from drivers.fiscal.moves import Course, Heard, Lost, NotBegun, Store, ask, in_time, steady
from drivers.fiscal.operations import Close, CloseSlip, ReadError, ReadStatus, ReadSubtotal
from drivers.fiscal.plan import Plan
from drivers.fiscal.said import Identity, Paid, Said, Subtotal, Transaction
from drivers.fiscal.settle import Settling
from drivers.fiscal.shown import money
from drivers.fiscal.standing import measure, read_transaction, value_of
from drivers.fiscal.tenders import Paying
from drivers.fiscal.vat import vat_sums


def receipt(work: Plan, dialect: Dialect, identity: Identity, patience_s: float) -> Course[Outcome]:
    """The course of the receipt `work` on this device. `patience_s`: how long a half-paid receipt waits for paper
    beyond the deadline. Raises `NotBegun`."""
    return _Receipt(work, dialect, identity, patience_s).run()


def wrong(heard: Heard | Lost, at: str, *, still_open: bool = True) -> Lost | str:
    """Why this answer is not a plain yes, empty when it is one."""
    if isinstance(heard, Lost):
        return Lost(f"no answer to {at}: {heard.why}", heard.trouble)
    if heard.said.refused:
        return f"the printer refused {at}: {heard.said.refused}"
    if heard.open is not still_open:
        return f"after {at} the receipt is {'not ' if still_open else 'still '}open"
    return ""


def wrong_payment(heard: Heard | Lost, expected: Paying) -> Lost | str:
    """Why this is not the answer to that payment."""
    if found := wrong(heard, "a payment"):
        return found
    paid = value_of(heard, Paid) if isinstance(heard, Heard) else None
    if paid is None:
        return ""
    for said, due in ((paid.due_cents, expected.due_cents), (paid.change_cents, expected.change_cents)):
        if said is not None and said != due:
            what = f"{money(paid.due_cents or 0)} due and {money(paid.change_cents or 0)} change after a payment"
            return f"the printer says {what}, not {money(expected.due_cents)} and {money(expected.change_cents)}"
    return ""


class _Receipt:
    def __init__(self, work: Plan, dialect: Dialect, identity: Identity, patience_s: float) -> None:
        self._work = work
        self._dialect = dialect
        self._identity = identity
        self._patience_s = patience_s
        self._ending = Ending(work.key)
        self._baseline = Baseline()
        self._declined = False
        self._groups: dict[str, int] = {}

    def run(self) -> Course[Outcome]:
        outcome = yield from self._run()
        if outcome.outcome is not Result.PRINTED:
            return outcome
        sums = vat_sums(self._groups, self._work.rates, by_net=self._work.vat_by_net)
        return msgspec.structs.replace(outcome, vat=sums)

    def _run(self) -> Course[Outcome]:
        if (outcome := (yield from ready(self._dialect, self._ending))) is not None:
            return outcome
        self._baseline = yield from measure(self._dialect, self._identity)
        self._ending = Ending(self._work.key, self._baseline)
        yield Store(PrintPoint.INTENT, baseline=self._baseline)
        if not (yield from in_time()):
            return self._ending.refused(Reason.TOO_LATE, "the deadline passed before it was begun")
        opened = yield from ask(self._work.opening)
        if isinstance(opened, Heard) and opened.said.refused and not opened.unsure and not opened.open:
            return (yield from self._not_opened(opened.said))
        if why := wrong(opened, "opening"):
            return (yield from self._read_back(PrintPoint.INTENT, why))
        yield Store(PrintPoint.OPENED)
        if why := (yield from self._lines()):
            return (yield from self._read_back(PrintPoint.OPENED, why))
        yield Store(PrintPoint.PAYING)
        if why := (yield from self._pay()):
            return (yield from self._read_back(PrintPoint.PAYING, why))
        yield Store(PrintPoint.CLOSING)
        closed = yield from steady(Close(), self._patience_s)
        if (why := wrong(closed, "closing", still_open=False)) or isinstance(closed, Lost):
            return (yield from self._read_back(PrintPoint.CLOSING, why))
        return (yield from finish(self._work, self._ending, self._identity, closed))

    def _not_opened(self, said: Said) -> Course[Outcome]:
        code, signs = said.code, said.signs
        if self._dialect.family.reads_error:
            error = yield from ask(ReadError())
            if isinstance(error, Heard):
                code, signs = code or error.said.code, signs | error.said.signs
        if Sign.DAY_OVER in signs:
            return self._ending.refused(Reason.Z_OVERDUE, "the printer takes no receipt before its Z report")
        what = f"the printer says {said.refused}" + (f" ({code})" if code not in said.refused else "")
        return self._ending.refused(Reason.OPEN_REFUSED, what)

    def _lines(self) -> Course[Lost | str]:
        """Key, lines and subtotal. Returns what went wrong, nothing when all is well."""
        for operation in self._work.body:
            heard = yield from steady(operation, 0.0)
            if why := wrong(heard, f"a {type(operation).__name__.lower()}"):
                return why
            if not (yield from in_time()):
                return "the deadline passed before the payment"
        heard = yield from steady(ReadSubtotal(), 0.0)
        if (why := wrong(heard, "the subtotal")) or isinstance(heard, Lost):
            return why
        subtotal = value_of(heard, Subtotal)
        if subtotal is None:
            return "the printer does not tell its subtotal"
        if subtotal.cents != self._work.total_cents:
            return f"the printer's subtotal is {subtotal.cents} cents, the receipt's total {self._work.total_cents}"
        return (yield from self._letters(subtotal))

    def _letters(self, subtotal: Subtotal) -> Course[Lost | str]:
        """What each VAT letter has of the subtotal, for its VAT. The one letter of a receipt has all of it, which needs
        no question. A device that refuses to tell, or tells another sum, leaves it untold."""
        letters = self._work.letters
        if subtotal.groups:
            self._groups = subtotal.groups
        elif len(letters) == 1:
            self._groups = dict.fromkeys(letters, subtotal.cents)
        elif self._dialect.family.reads_subtotal > 1:
            heard = yield from steady(ReadSubtotal(1), 0.0)
            if isinstance(heard, Heard) and heard.said.refused:
                return ""
            if (why := wrong(heard, "the sums of the VAT letters")) or isinstance(heard, Lost):
                return why
            told = value_of(heard, Subtotal)
            if told is not None and told.cents == subtotal.cents and told.groups.keys() <= letters:
                self._groups = told.groups
        return ""

    def _pay(self) -> Course[Lost | str]:
        """The payments, then what is printed below them: a text that is refused there changes nothing of the sale.

        A payment is not sent again after silence where the device tells how much is paid: a power cut in between would
        make it two, and the second one could settle what was meant for other means."""
        once = self._dialect.tells_paid
        for paying in self._work.payments:
            heard = yield from steady(paying.pay, self._patience_s, once=once)
            if why := wrong_payment(heard, paying):
                self._declined = isinstance(heard, Heard) and bool(heard.said.refused)
                return why
        for text in self._work.footer:
            heard = yield from steady(text, self._patience_s)
            if isinstance(heard, Lost):
                return wrong(heard, "a text")
        return ""

    def _read_back(self, point: PrintPoint, why: Lost | str) -> Course[Outcome]:
        settling = Settling(self._work, self._dialect, self._identity, point, self._baseline, self._patience_s)
        return (yield from settling.run(why, declined=self._declined))


def ready(dialect: Dialect, ending: Ending, *, for_z: bool = False) -> Course[Outcome | None]:
    """None when the device may begin a work, else the refusal. Raises `NotBegun`. `for_z`: a day that has lasted too
    long is what a Z report ends."""
    status = yield from ask(ReadStatus())
    if isinstance(status, Lost):
        raise NotBegun(status)
    signs = status.said.signs
    if Sign.SERVICE_OPEN in signs and not OPEN_SIGNS & signs:
        signs = yield from _without_slip(signs)
    if OPEN_SIGNS & signs:
        transaction = yield from read_transaction(dialect)
        if isinstance(transaction, Lost):
            raise NotBegun(transaction)
        return ending.refused(Reason.RECEIPT_OPEN, _described(transaction))
    if Sign.DAY_OVER in signs and not for_z:
        return ending.refused(Reason.Z_OVERDUE, "the printer takes no receipt before its Z report")
    if blocks := tuple(sign for sign in dialect.family.blocks(signs) if sign is not Sign.DAY_OVER):
        return ending.refused(Reason.PRINTER_NOT_READY, ", ".join(blocks))
    if status.said.refused and not for_z:
        raise NotBegun(Lost(f"the printer refuses to tell its status: {status.said.refused}", Trouble.STRANGE_ANSWER))
    return None


def _without_slip(signs: frozenset[Sign]) -> Course[frozenset[Sign]]:
    """A slip that was left open in the middle is closed: it books nothing, and nothing fiscal begins while it is
    open."""
    closed = yield from ask(CloseSlip())
    if isinstance(closed, Lost):
        raise NotBegun(closed)
    return signs if closed.said.refused else signs - {Sign.SERVICE_OPEN}


def _described(transaction: Transaction | None) -> str:
    if transaction is None or transaction.items is None or transaction.amount_cents is None:
        return "on the printer"
    return f"{transaction.items} lines, {money(transaction.amount_cents)}, on the printer"
