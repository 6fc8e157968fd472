"""Works on a line: walks the pure courses, opens the port again where they ask for it, and tells how they ended.

Everything of the driver but its process and its real ports: a line, a clock and a way to wait come from outside, so
that whole works with all their faults run in one thread and in no time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from drivers.contract.printer import (
    Outcome,
    Print,
    PrintStep,
    Result,
    Settle,
    Work,
)
from drivers.driver import DeviceError
from drivers.fiscal.dialect import (
    DataError,
    Dialect,
    Identify,
    Identity,
    MoveCash,
    Open,
    OpenReversal,
    Operation,
    PrintDay,
    Said,
    WriteClock,
)
from drivers.fiscal.ending import Ending
from drivers.fiscal.errors import Reason, Refusal, Trouble, problem
from drivers.fiscal.families import Sign
from drivers.fiscal.frame_log import FrameLog
from drivers.fiscal.link import Counters, Exchange, Link, LinkLost, Loss, Pace, PortGone, Transport
from drivers.fiscal.moves import (
    Ask,
    Course,
    Event,
    Heard,
    InTime,
    Lost,
    Move,
    NotBegun,
    Reopen,
    Store,
    Tell,
    Wait,
)
from drivers.fiscal.plan import Terms, plan
from drivers.fiscal.receipt import receipt
from drivers.fiscal.report import Booking
from drivers.fiscal.settle import Settling

KEYS_REMEMBERED = 256
"""Outcomes of this process. The gateway's ledger remembers them for ever; this is the last guard behind it."""

LOSSES = {
    Loss.SILENT: Trouble.NO_ANSWER,
    Loss.NOT_UNDERSTOOD: Trouble.NOT_UNDERSTOOD,
    Loss.BUSY_TOO_LONG: Trouble.BUSY_TOO_LONG,
    Loss.PORT_GONE: Trouble.PORT_GONE,
    Loss.OUT_OF_STEP: Trouble.STRANGE_ANSWER,
}

LETTERS = "ABCDEFGH"

_SECRET = (Open, OpenReversal, MoveCash, PrintDay, WriteClock)
"""Operations whose DATA may hold the operator's password in some family: not shown in the log of frames."""


class Timing(msgspec.Struct, frozen=True):
    """`pace`: of single commands. `report_s`: longest wait for a day report that is being printed. `hold_s`: how long a
    half-paid receipt, or one that has to be cancelled, waits for paper beyond the deadline."""

    pace: Pace = Pace()
    report_s: float = 180.0
    hold_s: float = 300.0


class Works:
    """The works of one device. `open` first; not for more than one thread.

    `open_line` opens the port and returns it; it raises `DeviceError` or `PortGone` when it cannot. `store` makes a
    point durable before it returns. `wait` lets time pass between two looks at the device; all other waiting is done
    in the line's `receive`. `held` is told what a work waits for, and an empty tuple when it goes on. `terms` says what
    may be printed now: it is asked for each receipt. `first_seq`: random, so that a device's filter does not take the
    first command of a new process for the last one of the process before.
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
        port: str = "",
    ) -> None:
        self.dialect = dialect
        self._open_line = open_line
        self._store = store
        self._terms = terms
        self._timing = Timing() if timing is None else timing
        self._clock = clock
        self._wait = wait
        self._held = held
        self._alive = alive
        self._port = port
        self._line: Transport | None = None
        self._link: Link | None = None
        self._seq = first_seq
        self._known: OrderedDict[str, Outcome | None] = OrderedDict()
        self.frames = FrameLog(clock)
        self.counters = Counters()
        self.identity = Identity("")
        self.unknown = 0
        """Outcomes that were."""

    # Line ------------------------------------------------------------------------------------------------

    def open(self) -> Identity:
        """Open the port and establish the family, before anything else is sent. Raises `DeviceError`."""
        self.close()
        try:
            self._line = self._open_line()
            framing = self.dialect.framing
            first, last = framing.seq_first, framing.seq_last
            self._link = Link(
                self._line,
                framing,
                first_seq=first + (self._seq - first) % (last - first + 1),
                pace=self._timing.pace,
                clock=self._clock,
                frames=self.frames,
                counters=self.counters,
            )
            identity = self._identify(self._link)
        except PortGone as error:
            raise DeviceError(problem(Trouble.PORT_GONE, port=self._port, what=str(error))) from error
        if self.dialect.family.is_other(identity.model):
            raise DeviceError(problem(Trouble.WRONG_FAMILY, port=self._port, what=identity.model))
        self.identity = identity
        return identity

    def close(self) -> None:
        """Let go of the port, gone or not."""
        line, self._line = self._line, None
        if self._link is not None:
            self._seq = self._link.seq
            self._link = None
        if line is not None:
            line.close()

    def read(self, operation: Operation) -> Said:
        """One command outside of a work. Raises `DeviceError`."""
        heard = self._ask(Ask(operation))
        if isinstance(heard, Lost):
            raise self._error(heard)
        return heard.said

    def send(self, command: int, data: bytes) -> Exchange:
        """A command as it is. Raises `DeviceError`; `ValueError` when no frame can carry it."""
        try:
            return self._opened().ask(command, data, secret=True)
        except LinkLost as error:
            raise self._error(Lost(str(error), LOSSES[error.loss])) from error

    # Works -----------------------------------------------------------------------------------------------

    def do(self, work: Work, deadline: float) -> Outcome:
        """One work, once per key. `deadline` by the clock: looked at until a payment begins. Raises `DeviceError` when
        the device does not answer before anything was stored or printed."""
        if work.key in self._known:
            refusal = Refusal(Reason.KEY_USED, "this key has been begun before", "key")
            return Ending(work.key).refusal(refusal)
        course: Course[Outcome]
        if isinstance(work, Print):
            try:
                planned = plan(work, self.dialect.family, self._terms())
            except Refusal as refusal:
                return Ending(work.key).refusal(refusal)
            course = receipt(planned, self.dialect, self.identity, self._timing.hold_s)
        else:
            course = Booking(work, self.dialect, self.identity).run()
        return self._walked(work.key, course, deadline)

    def settle(self, asked: Settle) -> Outcome:
        """How a work ended that was begun before, and its end where it stands half way. Nothing is begun again."""
        work = asked.work
        if (known := self._known.get(work.key)) is not None and known.outcome is not Result.UNKNOWN:
            return known
        course: Course[Outcome]
        if isinstance(work, Print):
            try:
                # What was in use when it was begun is not asked again: only its sums are compared.
                terms = msgspec.structs.replace(self._terms(), letters=LETTERS)
                planned = plan(work, self.dialect.family, terms)
            except Refusal as refusal:
                ending = Ending(work.key, asked.baseline)
                return ending.unknown(Reason.COUNTERS_DIFFER, f"it cannot be planned any more: {refusal}")
            settling = Settling(planned, self.dialect, self.identity, asked.point, asked.baseline, self._timing.hold_s)
            course = settling.run()
        else:
            course = Booking(work, self.dialect, self.identity).settle(asked.point, asked.baseline)
        return self._walked(work.key, course, self._clock())

    def _walked(self, key: str, course: Course[Outcome], deadline: float) -> Outcome:
        self._remember(key, None)
        try:
            outcome = self._walk(key, course, deadline)
        except NotBegun as error:
            self._known.pop(key, None)
            raise self._error(Lost(str(error), error.trouble)) from error
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
                return self._ask(move)
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
                    return self.open()
                except DeviceError as error:
                    return Lost(error.problem.cause, Trouble(error.problem.code))

    def _ask(self, move: Ask) -> Heard | Lost:
        operation = move.operation
        command, data = self.dialect.request(operation)
        answer_s = self._timing.report_s if isinstance(operation, PrintDay) else None
        try:
            exchange = self._opened().ask(
                command, data, answer_s=answer_s, once=move.once, secret=isinstance(operation, _SECRET)
            )
            said = self.dialect.said(operation, exchange.answer)
        except LinkLost as error:
            return Lost(str(error), LOSSES[error.loss])
        except DataError as error:
            return Lost(str(error), Trouble.STRANGE_ANSWER)
        self._alive()
        return Heard(said, exchange.unsure)

    def _opened(self) -> Link:
        if self._link is None:
            raise LinkLost(Loss.PORT_GONE, 0, 0, "the port is not open")
        return self._link

    def _identify(self, link: Link) -> Identity:
        command, data = self.dialect.request(Identify())
        try:
            exchange = link.synchronise(command, data)
            said = self.dialect.said(Identify(), exchange.answer)
        except LinkLost as error:
            raise self._error(Lost(str(error), LOSSES[error.loss])) from error
        except DataError as error:
            raise self._error(Lost(str(error), Trouble.STRANGE_ANSWER)) from error
        if not isinstance(said.value, Identity):
            raise self._error(Lost(f"it does not say who it is: {said.refused}", Trouble.STRANGE_ANSWER))
        self._alive()
        return said.value

    def _error(self, lost: Lost) -> DeviceError:
        return DeviceError(problem(lost.trouble, port=self._port, what=lost.why))
