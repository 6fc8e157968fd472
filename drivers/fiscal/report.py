"""The courses of a day report and of a movement of cash: once per key, with the counters before. Pure.

Neither has a document that could be found half done, so the counters alone tell: a Z report moves the number of the
fiscal record by one, a movement of cash what is in the drawer. Their commands are never sent again after silence: the
device's filter for repeated frames may not outlive a power cut, and a second Z report or a doubled amount would be
real. They are sent again only when the counters say that the first one did nothing. An X report leaves no trace: after
a lost answer it is unknown.
"""

from __future__ import annotations

from drivers.contract.printer import Baseline, CashMove, DayReport, Outcome, PrintPoint, Result
from drivers.fiscal.counters import Verdict, has_moved
from drivers.fiscal.dialect import Dialect
from drivers.fiscal.ending import Ending
from drivers.fiscal.errors import Reason, Refusal
from drivers.fiscal.families import Sign
from drivers.fiscal.moves import Course, Heard, Lost, Store, ask, in_time, reopen
from drivers.fiscal.operations import MoveCash, PrintDay, ReadCash
from drivers.fiscal.receipt import ready
from drivers.fiscal.said import Cash, Day, Identity
from drivers.fiscal.same import other_device
from drivers.fiscal.standing import (
    acknowledge,
    measure,
    measure_for_report,
    read_day,
    read_z_number,
    steps,
    told,
    value_of,
)

ATTEMPTS = 3
"""How often a command goes out whose answer was lost, each time after the counters have said that it did nothing."""

_DONE = Verdict.PRINTED


def check(work: DayReport | CashMove, dialect: Dialect) -> None:
    """Whether this device can be asked for it. Raises `Refusal`."""
    if isinstance(work, CashMove) and not 0 < abs(work.cents) <= dialect.family.max_cents:
        raise Refusal(Reason.BAD_AMOUNT, f"{work.cents} cents cannot be moved", "cents")
    try:
        dialect.request(_operation(work))
    except ValueError as error:
        raise Refusal(Reason.NOT_SUPPORTED, str(error), "cents") from error


def _operation(work: DayReport | CashMove) -> PrintDay | MoveCash:
    return PrintDay(work.z) if isinstance(work, DayReport) else MoveCash(work.cents)


class Booking:
    """A report or a movement of cash on this device. `run` does it, `settle` finds out how it ended."""

    def __init__(self, work: DayReport | CashMove, dialect: Dialect, identity: Identity) -> None:
        self._work = work
        self._dialect = dialect
        self._identity = identity
        self._ending = Ending(work.key)
        self._baseline = Baseline()
        self._line_kept = True

    def run(self) -> Course[Outcome]:
        """Raises `NotBegun`."""
        try:
            check(self._work, self._dialect)
        except Refusal as refusal:
            return self._ending.refusal(refusal)
        z = isinstance(self._work, DayReport)
        if (refused := (yield from ready(self._dialect, self._ending, for_z=z))) is not None:
            return refused
        self._begin((yield from self._measure()))
        yield Store(PrintPoint.INTENT, baseline=self._baseline)
        if not (yield from in_time()):
            return self._ending.refused(Reason.TOO_LATE, "the deadline passed before it was begun")
        outcome = self._ending.refused(Reason.NEVER_BEGUN, "no answer")
        for _ in range(ATTEMPTS):
            heard = yield from ask(_operation(self._work), once=True)
            if isinstance(heard, Heard):
                return (yield from self._answered(heard))
            back = yield from reopen()
            if isinstance(back, Lost):
                return self._ending.unknown(Reason.NOT_READ_BACK, f"{heard.why}; {back.why}")
            self._identity = back
            outcome = yield from self._read_back(heard.why)
            if outcome.code != Reason.NEVER_BEGUN:
                return outcome
        return outcome

    def settle(self, point: PrintPoint, baseline: Baseline) -> Course[Outcome]:
        """How it ended, by the counters. Sends nothing that prints."""
        self._begin(baseline)
        self._line_kept = False
        if point is PrintPoint.CLOSED:
            is_here = other_device(self._ending, self._identity) is None
            return self._done((yield from self._day_of_report()) if is_here else Day())
        outcome = yield from self._read_back("")
        if outcome.outcome is Result.PRINTED:
            yield Store(PrintPoint.CLOSED)
        return outcome

    def _measure(self) -> Course[Baseline]:
        if isinstance(self._work, DayReport):
            return (yield from measure_for_report(self._identity))
        return (yield from measure(self._dialect, self._identity, cash=True))

    def _begin(self, baseline: Baseline) -> None:
        self._baseline = baseline
        self._ending = Ending(self._work.key, baseline)

    def _answered(self, heard: Heard) -> Course[Outcome]:
        if heard.said.refused:
            return (yield from self._refused(heard))
        cash = value_of(heard, Cash)
        if cash is not None and self._baseline.cash_cents is not None and self._drawer_says(Day(), cash) is not _DONE:
            return self._ending.unknown(Reason.COUNTERS_DIFFER, self._drawer(cash.cents))
        day = value_of(heard, Day) or Day()
        if isinstance(self._work, DayReport) and (self._work.z or not day.z_number):
            counted = yield from read_z_number()
            if self._work.z and self._stands_still(counted) and Sign.TRAINING not in heard.said.signs:
                what = "the printer says that it has printed the Z report, and its number stands still"
                return self._ending.unknown(Reason.COUNTERS_DIFFER, what)
            day = day if day.z_number else self._of_report(counted)
        yield Store(PrintPoint.CLOSED)
        return self._done(day)

    def _refused(self, heard: Heard) -> Course[Outcome]:
        """A refused command has changed nothing, say the documents; a report whose paper ends in the middle may be
        told in the same words. So the counters have the last word, where they say that it was done."""
        code = f" ({heard.said.code})" if heard.said.code not in heard.said.refused else ""
        why = f"the printer says {heard.said.refused}{code}"
        if (yield from self._read_back(why)).outcome is not Result.PRINTED:
            held = self._baseline.cash_cents
            if isinstance(self._work, CashMove) and held is not None and held + self._work.cents < 0:
                what = f"the drawer holds {held // 100}.{held % 100:02} as the device counts"
                return self._ending.refused(Reason.NOT_ENOUGH_CASH, what)
            return self._ending.refused(Reason.WORK_REFUSED, why)
        day = yield from self._day_of_report()
        yield Store(PrintPoint.CLOSED)
        return self._done(day)

    def _stands_still(self, day: Day | Lost) -> bool:
        return isinstance(day, Day) and steps(self._baseline.z_number, day.z_number) == 0

    def _day_of_report(self) -> Course[Day]:
        """With the number of a Z report only when no other one has followed."""
        return self._of_report((yield from read_z_number()))

    def _of_report(self, day: Day | Lost) -> Day:
        is_z = isinstance(self._work, DayReport) and self._work.z
        if isinstance(day, Lost) or (is_z and steps(self._baseline.z_number, day.z_number) not in (1, None)):
            return Day()
        return day

    def _read_back(self, why: str) -> Course[Outcome]:
        if (stranger := other_device(self._ending, self._identity, line_kept=self._line_kept)) is not None:
            return stranger
        if (silent := (yield from acknowledge())) is not None:
            return self._not_read(silent, why)
        if isinstance(self._work, DayReport):
            day = yield from read_z_number()
            return self._not_read(day, why) if isinstance(day, Lost) else self._report_by(day, why)
        cash = yield from told(ReadCash(), Cash)
        if isinstance(cash, Lost):
            return self._not_read(cash, why)
        day = yield from read_day(self._dialect, z_last=True)
        return self._not_read(day, why) if isinstance(day, Lost) else self._cash_by(day, cash, why)

    def _not_read(self, lost: Lost, why: str) -> Outcome:
        return self._ending.unknown(Reason.NOT_READ_BACK, f"{why}; {lost.why}" if why else lost.why)

    def _report_by(self, day: Day, why: str) -> Outcome:
        moved = steps(self._baseline.z_number, day.z_number)
        if not (isinstance(self._work, DayReport) and self._work.z):
            return self._ending.unknown(Reason.X_HAS_NO_TRACE, why or "an X report is counted nowhere")
        match moved:
            case 1:
                return self._done(day)
            case 0:
                return self._ending.refused(Reason.NEVER_BEGUN, why or "the fiscal day goes on")
            case _:
                what = f"the last Z report was {self._baseline.z_number or '?'}, it is {day.z_number or '?'} now"
                return self._ending.unknown(Reason.COUNTERS_DIFFER, what)

    def _cash_by(self, day: Day, cash: Cash | None, why: str) -> Outcome:
        verdict = self._drawer_says(day, cash)
        if verdict is Verdict.PRINTED:
            return self._done(day)
        if verdict is Verdict.NOT_PRINTED:
            return self._ending.refused(Reason.NEVER_BEGUN, why or "the drawer's sum has not moved")
        return self._ending.unknown(Reason.COUNTERS_DIFFER, self._drawer(None if cash is None else cash.cents))

    def _drawer_says(self, day: Day, cash: Cash | None) -> Verdict:
        """A Z report may set the drawer's sum back, and what somebody has sold meanwhile at the printer's own keys may
        make just the same sum: across either it says nothing."""
        before = self._baseline.cash_cents
        if before is None or cash is None or has_moved(self._baseline, day):
            return Verdict.NEITHER
        asked = self._work.cents if isinstance(self._work, CashMove) else 0
        return {asked: Verdict.PRINTED, 0: Verdict.NOT_PRINTED}.get(cash.cents - before, Verdict.NEITHER)

    def _drawer(self, now: int | None) -> str:
        asked = self._work.cents if isinstance(self._work, CashMove) else 0
        return f"{asked} cents were to be moved, the drawer held {self._baseline.cash_cents} and holds {now}"

    def _done(self, day: Day) -> Outcome:
        cents = self._work.cents if isinstance(self._work, CashMove) else 0
        return Outcome(self._work.key, Result.PRINTED, total_cents=cents, z_number=day.z_number)
