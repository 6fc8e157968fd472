"""How a receipt ended that was begun: read back from the device and brought to its end. Pure; the same course after a
lost answer and for the call `Settle`. It opens nothing and sells nothing.

    open, `paying` was not stored                      cancel                        -> cancelled
    open, `paying` was stored                          pay the rest as planned,
                                                       close                         -> printed
    none open, `paying` was not stored                 it was not paid by us         -> refused or cancelled,
                                                       and unknown where a receipt was booked since
    none open, counters moved by just this receipt                                   -> printed
    none open, counters have not moved                                               -> cancelled
    anything else                                                                    -> unknown

When `closed` was stored, it is printed, whatever the device says by now.

An open receipt is this one only when its lines and sum are a beginning of the plan (or that with one line twice: what
a device makes of a repeated frame that forgot the frame before in a power cut). Another one is not touched.

From `paying` on nothing is cancelled, with one exception: a device that refuses the payment and itself says that
nothing is paid would keep its receipt open until a person comes. It is cancelled where the day's sums tell a cancelled
one from a printed one, so that whoever asks again is told the same.
Source: the protocol documents named in the dialects, commands for cancelling and paying; order of questions:
Datecs, Communication Protocol, group A, v1.00BG, "Power outage".
"""

from __future__ import annotations

import itertools

import msgspec

from drivers.contract.printer import Baseline, Outcome, PrintPoint
from drivers.fiscal.counters import Verdict, has_booked, judge, sums_tell
from drivers.fiscal.dialect import Dialect
from drivers.fiscal.ending import Ending
from drivers.fiscal.errors import Reason
from drivers.fiscal.finish import as_printed, finish, printed
from drivers.fiscal.moves import Course, Lost, Store, reopen, steady
from drivers.fiscal.operations import Cancel, Close, Pay
from drivers.fiscal.plan import Plan
from drivers.fiscal.printed_at import printed_at
from drivers.fiscal.said import Identity, Last, Stage, Transaction
from drivers.fiscal.same import other_device
from drivers.fiscal.standing import Standing, look, read_transaction, steps

MAX_ACTS = 3
"""How often cancelling or paying is tried before a person has to look. Each try reads the device again before."""

MAX_REOPENINGS = 2

_POINTS = list(PrintPoint)


class Settling:
    """One settling of `work`, whose last stored point is `point`. `identity`: the device that is at the cable now."""

    def __init__(
        self,
        work: Plan,
        dialect: Dialect,
        identity: Identity,
        point: PrintPoint,
        baseline: Baseline,
        patience_s: float,
    ) -> None:
        self._declined = self._cancelled = self._just_now = False
        self._work = work
        self._dialect = dialect
        self._identity = identity
        self._point = point
        self._baseline = baseline
        self._patience_s = patience_s
        self._ending = Ending(work.key, baseline)

    @property
    def _begun_to_pay(self) -> bool:
        return _POINTS.index(self._point) >= _POINTS.index(PrintPoint.PAYING)

    def run(self, why: Lost | str = "", *, declined: bool = False) -> Course[Outcome]:
        """`why`: what went wrong before, when that is known; after a lost answer the port is opened again first.
        `declined`: the device has just refused a payment."""
        reason = why.why if isinstance(why, Lost) else why
        again: Lost | str = why
        self._declined, self._just_now = declined, bool(why)
        if self._point is PrintPoint.CLOSED:
            return (yield from self._stays_printed())
        reopenings = acts = 0
        while True:
            if isinstance(again, Lost):
                if reopenings >= MAX_REOPENINGS:
                    return self._ending.unknown(Reason.NOT_READ_BACK, again.why)
                reopenings += 1
                back = yield from reopen()
                if isinstance(back, Lost):
                    return self._ending.unknown(Reason.NOT_READ_BACK, f"{reason or 'no answer'}; {back.why}")
                self._identity = back
            if (stranger := self._stranger()) is not None:
                return stranger
            standing = yield from look(self._dialect)
            if isinstance(standing, Lost):
                again = standing
                continue
            self._ending.now = standing.last.number
            if standing.transaction.stage is Stage.NONE:
                return (yield from self._conclude(standing, reason))
            if not self._is_ours(standing):
                return self._ending.unknown(Reason.OTHER_RECEIPT, _described(standing.transaction))
            if acts >= MAX_ACTS:
                return self._stuck(standing.transaction, again if isinstance(again, str) else again.why)
            acts += 1
            done = yield from self._act(standing)
            if isinstance(done, Outcome):
                return done
            again, reason = done, reason or (done.why if isinstance(done, Lost) else done)

    # None open -------------------------------------------------------------------------------------------

    def _stays_printed(self) -> Course[Outcome]:
        """The device had confirmed the close before: only the number is looked for. What is open by now is another
        receipt, even when it looks the same."""
        if self._stranger() is not None:
            return as_printed(self._work, self._ending, memory=self._baseline.fiscal_memory)
        standing = yield from look(self._dialect)
        fits = (
            isinstance(standing, Standing)
            and standing.transaction.stage is Stage.NONE
            and judge(self._work, self._baseline, standing) is Verdict.PRINTED
        )
        last = standing.last if fits and isinstance(standing, Standing) else Last("")
        return (yield from self._printed(last, ask_time=False))

    def _printed(self, last: Last, *, ask_time: bool) -> Course[Outcome]:
        if not last.device_time:
            when = yield from printed_at(self._work, self._dialect, self._identity, last.number)
            last = msgspec.structs.replace(last, device_time=when)
        return (yield from printed(self._work, self._ending, self._identity, last, ask_time=ask_time))

    def _conclude(self, standing: Standing, why: str) -> Course[Outcome]:
        if not self._begun_to_pay:
            if self._point is PrintPoint.INTENT and standing.last.number == self._baseline.number:
                return self._ending.refused(Reason.NEVER_BEGUN, why or "it was not opened on the printer")
            if not self._cancelled and self._point is PrintPoint.OPENED and self._may_be_finished(standing):
                what = "it was open and not paid, and a receipt was booked since: somebody may have finished it"
                return self._ending.unknown(Reason.COUNTERS_DIFFER, what)
            return self._ending.cancelled(Reason.STOPPED_BEFORE_PAYMENT, why or "it was stopped before the payment")
        match judge(self._work, self._baseline, standing):
            case Verdict.PRINTED:
                # Later the device's clock no longer tells when it was closed; its journal does.
                return (yield from self._printed(standing.last, ask_time=self._just_now))
            case Verdict.NOT_PRINTED:
                return self._ending.cancelled(Reason.STOPPED_UNPAID, why or "the printer has booked nothing of it")
            case Verdict.NEITHER:
                return self._ending.unknown(Reason.COUNTERS_DIFFER, why or "the printer's counters fit neither end")

    # Ours is open ----------------------------------------------------------------------------------------

    def _stranger(self) -> Outcome | None:
        """Why what is at the cable now says nothing of this work."""
        return other_device(self._ending, self._identity, line_kept=self._just_now)

    def _is_ours(self, standing: Standing) -> bool:
        found = standing.transaction
        if (found.reversal and not self._work.reversal) or self._is_later(standing):
            return False
        if self._point is PrintPoint.INTENT:  # no line was sent before `opened` was stored
            return _is_at(found, 0, 0)
        states = self._work.progress[-1:] if self._begun_to_pay else self._work.progress
        if any(_is_at(found, at.items, at.cents) for at in states):
            return True
        return not self._begun_to_pay and self._is_with_one_twice(found)

    def _is_later(self, standing: Standing) -> bool:
        """A receipt was closed since ours was begun, so that the one that is open came after it: a device has one open
        at a time. Both witnesses have to say so: one that counts a document when it opens, or its lines when they are
        sold, moves one of them."""
        booked = has_booked(self._work, self._baseline, standing.day)
        return booked is not False and steps(self._baseline.number, standing.last.number) != 0

    def _may_be_finished(self, standing: Standing) -> bool:
        """Of a receipt that was open and unpaid when it was last heard of: somebody has paid and closed it at the
        device. Where the sums do not tell, a last receipt that is paid says so."""
        booked = has_booked(self._work, self._baseline, standing.day)
        if booked is None:
            moved = steps(self._baseline.number, standing.last.number) != 0
            return moved and bool(standing.transaction.paid_cents)
        return booked

    def _is_with_one_twice(self, found: Transaction) -> bool:
        so_far: set[tuple[int, int]] = set()
        for before, at in itertools.pairwise(self._work.progress):
            so_far.add((at.items - before.items, at.cents - before.cents))
            if any(_is_at(found, at.items + items, at.cents + cents) for items, cents in so_far):
                return True
        return False

    def _act(self, standing: Standing) -> Course[Outcome | Lost | str]:
        """One attempt. Returns the end, or why it was none: then the device is looked at again."""
        found = standing.transaction
        if found.stage is Stage.OPEN:
            tells = sums_tell(self._work, self._baseline, standing.day)
            if not self._begun_to_pay or (self._declined and tells):
                return (yield from self._cancel())
        elif not self._begun_to_pay:
            return self._ending.unknown(Reason.OTHER_RECEIPT, "a payment has begun that was not asked for")
        if found.stage is not Stage.PAID:
            left = yield from self._pay_rest(found)
            if left is not None:
                return left
        return (yield from self._close())

    def _cancel(self) -> Course[Lost | str]:
        heard = yield from steady(Cancel(), self._patience_s)
        if isinstance(heard, Lost):
            return heard
        self._cancelled = not heard.said.refused and not heard.open
        return f"the printer refused to cancel: {heard.said.refused}" if heard.said.refused else ""

    def _close(self) -> Course[Outcome | Lost | str]:
        if self._point is not PrintPoint.CLOSING:
            self._point = PrintPoint.CLOSING
            yield Store(PrintPoint.CLOSING)
        heard = yield from steady(Close(), self._patience_s)
        if isinstance(heard, Lost):
            return heard
        if heard.said.refused or heard.open:
            return f"the printer does not close it: {heard.said.refused or 'it is still open'}"
        return (yield from finish(self._work, self._ending, self._identity, heard))

    # Paying the rest -------------------------------------------------------------------------------------

    def _pay_rest(self, found: Transaction) -> Course[Outcome | Lost | str | None]:
        """None when all is paid."""
        payments = self._work.payments
        if found.stage is Stage.OPEN or (self._dialect.tells_paid and found.paid_cents is not None):
            paid = 0 if found.stage is Stage.OPEN else found.paid_cents
            for index, paying in enumerate(payments):
                if paying.before_cents == paid:
                    return (yield from self._pay([paying.pay for paying in payments[index:]]))
            return self._ending.unknown(Reason.DOUBT_AT_PAYMENT, f"{paid} cents are paid, which no tenders make")
        return (yield from self._pay_backwards())

    def _pay_backwards(self) -> Course[Outcome | Lost | str | None]:
        """Where the device does not tell how much is paid: while it says that something is due, the last tender that
        has not been sent here is unpaid for sure, because they are paid in order. Each as much as it settles, so that
        nothing is overpaid. `closing` is stored before, as the mark that this was begun: begun twice it would pay
        twice."""
        payments = self._work.payments
        if len(payments) > 2 and self._point is PrintPoint.CLOSING:
            return self._ending.unknown(Reason.DOUBT_AT_PAYMENT, "the printer does not tell how much is paid")
        if self._point is not PrintPoint.CLOSING:
            self._point = PrintPoint.CLOSING
            yield Store(PrintPoint.CLOSING)
        for paying in reversed(payments[1:]):
            settles = paying.pay.cents - paying.change_cents
            if (stopped := (yield from self._pay([Pay(paying.pay.means, settles)]))) is not None:
                return stopped
            now = yield from read_transaction(self._dialect)
            if isinstance(now, Lost):
                return now
            if now is not None and now.stage is Stage.PAID:
                return None
        return "all tenders are given, and the printer still says that something is due"

    def _pay(self, payments: list[Pay]) -> Course[Lost | str | None]:
        for pay in payments:
            heard = yield from steady(pay, self._patience_s, once=self._dialect.tells_paid)
            if isinstance(heard, Lost):
                return heard
            if heard.said.refused or not heard.open:
                self._declined = True
                return f"the printer refused a payment: {heard.said.refused or 'no receipt is open'}"
        return None

    def _stuck(self, found: Transaction, why: str) -> Outcome:
        match found.stage:
            case Stage.OPEN if not self._begun_to_pay:
                return self._ending.unknown(Reason.CANCEL_NOT_CONFIRMED, why)
            case Stage.OPEN | Stage.PAYING:
                return self._ending.unknown(Reason.DOUBT_AT_PAYMENT, why)
            case _:
                return self._ending.unknown(Reason.DOUBT_AT_CLOSE, why)


def _is_at(found: Transaction, items: int, cents: int) -> bool:
    return found.items in (None, items) and found.amount_cents in (None, cents)


def _described(found: Transaction) -> str:
    lines = "?" if found.items is None else f"{found.items}"
    return f"the receipt that is open has {lines} lines and {found.amount_cents} cents"
