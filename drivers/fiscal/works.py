"""Works on a line: walks the pure courses, opens the port again where they ask for it, and tells how they ended.

Everything of the driver but its process and its real ports: a line, a clock and a way to wait come from outside, so
that whole works with all their faults run in one thread and in no time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from drivers.contract.printer import Checked, Outcome, Print, PrintPoint, PrintStep, Result, Settle, Work
from drivers.driver import DeviceError
from drivers.fiscal import report, sendable
from drivers.fiscal.dialect import Dialect
from drivers.fiscal.ending import Ending
from drivers.fiscal.errors import Reason, Refusal, Trouble, advice
from drivers.fiscal.families import Sign
from drivers.fiscal.finish import as_printed
from drivers.fiscal.link import Transport
from drivers.fiscal.moves import Ask, Course, Event, InTime, Lost, Move, NotBegun, Reopen, Store, Tell, Wait
from drivers.fiscal.plan import Plan, Terms, plan
from drivers.fiscal.receipt import receipt
from drivers.fiscal.report import Booking
from drivers.fiscal.said import Identity
from drivers.fiscal.same import other_device
from drivers.fiscal.settle import Settling
from drivers.fiscal.wire import Timing, Wire

KEYS_REMEMBERED = 256
"""Outcomes of this process. The gateway's ledger remembers them for ever; this is the last guard behind it."""

LETTERS = "ABCDEFGH"


class Works:
    """The works of one device. `open` first; not for more than one thread.

    `open_line` opens the port and returns it; it raises `DeviceError` or `PortGone` when it cannot. `store` makes a
    point durable before it returns. `wait` lets time pass between two looks at the device; all other waiting is done
    in the line's `receive`. `held` is told what a work waits for, and an empty tuple when it goes on. `terms` says what
    may be printed now: it is asked for each receipt. `first_seq`: random, so that a device's filter does not take the
    first command of a new process for the last one of the process before. `known`: the dialect for this very device,
    once it has said who it is.
    """

    def __init__(
        self,
        dialect: Dialect,
        open_line: Callable[[], Transport],
        store: Callable[[PrintStep], None],
        *,
        terms: Callable[[], Terms],
        timing: Timing | None = None,
        first_seq: int = 0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None],
        held: Callable[[tuple[Sign, ...]], None] = lambda signs: None,
        alive: Callable[[], None] = lambda: None,
        known: Callable[[Dialect, Identity], Dialect] = lambda dialect, identity: dialect,
        port: str = "",
    ) -> None:
        self._timing = Timing() if timing is None else timing
        self.wire = Wire(
            dialect, open_line, self._timing, first_seq=first_seq, clock=clock, alive=alive, known=known, port=port
        )
        self._store = store
        self._terms = terms
        self._clock = clock
        self._wait = wait
        self._held = held
        self._known: OrderedDict[str, Outcome | None] = OrderedDict()
        self.unknown = 0
        """Outcomes that were."""

    def open(self) -> Identity:
        """Open the port and establish the family, before anything else is sent. Raises `DeviceError`."""
        return self.wire.open()

    def close(self) -> None:
        """Let go of the port, gone or not."""
        self.wire.close()

    # Works -----------------------------------------------------------------------------------------------

    def check(self, work: Work) -> Checked:
        """Whether `do` would refuse this work for what it says. Touches nothing and may be called from any thread: what
        it looks at is replaced as a whole, never changed."""
        try:
            if isinstance(work, Print):
                self._planned(work)
            else:
                report.check(work, self.wire.dialect)
        except Refusal as refusal:
            return Checked(work.key, refusal.reason, refusal.what, refusal.where, advice(refusal.reason, key=work.key))
        return Checked(work.key)

    def do(self, work: Work, deadline: float) -> Outcome:
        """One work, once per key. `deadline` by the clock: looked at until a payment begins. Raises `DeviceError` when
        the device does not answer before anything was stored or printed."""
        if work.key in self._known:
            refusal = Refusal(Reason.KEY_USED, "this key has been begun before", "key")
            return Ending(work.key).refusal(refusal)
        course: Course[Outcome]
        if isinstance(work, Print):
            try:
                planned = self._planned(work)
            except Refusal as refusal:
                return Ending(work.key).refusal(refusal)
            course = receipt(planned, self.wire.dialect, self.wire.identity, self._timing.hold_s)
        else:
            course = Booking(work, self.wire.dialect, self.wire.identity).run()
        return self._walked(work.key, course, deadline)

    def settle(self, asked: Settle) -> Outcome:
        """How a work ended that was begun before, and its end where it stands half way. Nothing is begun again."""
        work = asked.work
        if (known := self._known.get(work.key)) is not None and known.outcome is not Result.UNKNOWN:
            return known
        ending = Ending(work.key, asked.baseline)
        stranger = other_device(ending, self.wire.identity)
        if asked.point is PrintPoint.CLOSED and stranger is not None and isinstance(work, Print):
            return as_printed(work, ending, memory=asked.baseline.fiscal_memory)
        if asked.point is not PrintPoint.CLOSED and stranger is not None:
            self.unknown += 1
            return stranger
        course: Course[Outcome]
        if isinstance(work, Print):
            try:
                # What was in use when it was begun is not asked again: only its sums are compared.
                terms = msgspec.structs.replace(self._terms(), letters=LETTERS)
                planned = plan(work, self.wire.dialect.family, terms)
            except Refusal as refusal:
                self.unknown += 1
                return ending.unknown(Reason.COUNTERS_DIFFER, f"it cannot be planned any more: {refusal}")
            settling = Settling(
                planned, self.wire.dialect, self.wire.identity, asked.point, asked.baseline, self._timing.hold_s
            )
            course = settling.run()
        else:
            course = Booking(work, self.wire.dialect, self.wire.identity).settle(asked.point, asked.baseline)
        return self._walked(work.key, course, self._clock())

    def _planned(self, work: Print) -> Plan:
        """Raises `Refusal`."""
        dialect = self.wire.dialect
        planned = plan(work, dialect.family, self._terms())
        sendable.check(planned, dialect)
        return planned

    def _walked(self, key: str, course: Course[Outcome], deadline: float) -> Outcome:
        self._remember(key, None)
        try:
            outcome = self._walk(key, course, deadline)
        except NotBegun as error:
            self._known.pop(key, None)
            raise self.wire.error(Lost(str(error), error.trouble)) from error
        if outcome.outcome in (Result.REFUSED, Result.CANCELLED):
            self._known.pop(key, None)
        else:
            self._remember(key, outcome)
        self.unknown += outcome.outcome is Result.UNKNOWN
        return outcome

    def _remember(self, key: str, outcome: Outcome | None) -> None:
        self._known[key] = outcome
        self._known.move_to_end(key)
        while len(self._known) > KEYS_REMEMBERED:
            self._known.popitem(last=False)

    # Moves -----------------------------------------------------------------------------------------------

    def _walk(self, key: str, course: Course[Outcome], deadline: float) -> Outcome:
        """Do what the course says, step by step."""
        event: Event = None
        try:
            while True:
                event = self._do(key, course.send(event), deadline)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        finally:
            course.close()

    def _do(self, key: str, move: Move, deadline: float) -> Event:
        match move:
            case Store(point=point, number=number, baseline=baseline):
                self._store(PrintStep(key, point, baseline, number))
                return None
            case Ask():
                return self.wire.ask(move)
            case InTime(extra_s=extra):
                return self._clock() < deadline + extra
            case Wait(seconds=seconds):
                self._wait(seconds)
                return None
            case Tell(signs=signs):
                self._held(signs)
                return None
            case Reopen():
                try:
                    return self.wire.open()
                except DeviceError as error:
                    return Lost(error.problem.cause, Trouble(error.problem.code))
