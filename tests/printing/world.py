"""One device, the driver on it and the gateway's journal, in one thread and on a clock of their own; each can be killed
at any step. The driver is the real one but for its process and its port, the device is the simulated one.

Written against the contract alone: what has to hold is looked at on paper and on the wire, not in the course.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from drivers.contract.printer import Outcome, Payment, PrintStep, Result, Settle, Work
from drivers.driver import DeviceError
from drivers.fiscal.dialect import Clerk, Dialect
from drivers.fiscal.dialects import SPOKEN, dialect_of
from drivers.fiscal.families import Sign
from drivers.fiscal.operations import ReadStatus
from drivers.fiscal.plan import Terms
from drivers.fiscal.works import Works
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_endpoint import Endpoint
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_paper import Kind
from tests.printing.cases import Case, Cut, Death, Kill
from tests.printing.rows import Row
from tests.printing.watched import Notes, Watched

DEADLINE_S = 60.0
PERSON_S = 5.0
"""How long somebody needs to put paper in."""
STARTS = 60
"""Attempts, a second apart, of a driver to open its device before a person mends what is broken."""
MAX_ASKS = 6
SEQ_AT = {"datecs-v1": 2, "datecs-v1b": 2, "datecs-v2": 5, "tremol": 2}
"""Where a request has its SEQ. Source: the families' protocol documents, "frames"."""


class Killed(Exception):
    """The process is gone: nothing of it goes on."""


class Line(MemoryLine):
    """The driver's port, where commands are counted and things go wrong."""

    def __init__(self, world: World) -> None:
        super().__init__(world.endpoint, world.clock)
        self._world = world

    def receive(self, timeout_s: float) -> bytes:
        data = super().receive(timeout_s)
        if data:
            self._world.note(f"< {data!r}")
        return data

    def send(self, data: bytes) -> None:
        self._world.sending(data)
        super().send(data)
        self._world.sent()


class World:
    """`device` and `clock` belong together and are changed. The works that are begun are rows of `rows`."""

    def __init__(self, case: Case, device: Device, clock: VirtualClock, seed: int = 1) -> None:
        self.case = case
        self.clock = clock
        self.device = device
        self.commands = 0
        self.stores = 0
        self.rows: dict[str, Row] = {}
        self.notes = Notes()
        self.endpoint = self._wired(device)
        self.foreign: set[str] = set()
        """Keys of what a person printed."""
        self.foreign_open = False
        self.reports_before = sum(paper.kind is Kind.Z for paper in device.documents)
        self.trace: list[str] | None = None
        self.devices = [device]
        """All that were ever at the cable."""
        self._random = random.Random(seed)
        self._last_frame = b""
        self._done: list[Cut | Death] = []
        self._held_since: float | None = None
        self._works: Works | None = None
        self._begun_with: int | None = None

    # The driver ------------------------------------------------------------------------------------------

    def driver(self) -> Works:
        """The driver, on a device that answers: a new process if there is none. A device that does not come back by
        itself is mended by a person."""
        for attempt in range(1, 5 * STARTS):
            if attempt % STARTS == 0:
                self.mend()
            works = self._works = self._works or self._made()
            try:
                if works.wire.identity.model:
                    works.wire.read(ReadStatus())
                else:
                    works.open()
            except Killed:
                self.kill()
            except DeviceError:
                self.clock.advance(1.0)
                try:
                    works.open()
                except Killed:
                    self.kill()
                except DeviceError:
                    continue
            else:
                return works
        raise AssertionError("the device does not come back")

    def kill(self) -> None:
        """The port is let go of, as the system does for a process that is gone."""
        self.note("killed")
        if self._works is not None:
            self._works.close()
        self._works = None
        self._held_since = None

    def mend(self) -> None:
        """Whatever a person can do at the printer: cable, power, paper, cover."""
        self.endpoint.recover()
        self.device.has_paper, self.device.cover_open = True, False
        if self.device.locked:
            self.endpoint.cut_power(self.clock(), 1.0)
            self.clock.advance(2.0)

    def plug(self, device: Device) -> None:
        """Another device is at the cable from now on."""
        self.endpoint.pull(self.clock())
        self.devices.append(device)
        self.plug_back(device, self._wired(device))

    def plug_back(self, device: Device, endpoint: Endpoint) -> None:
        if self.endpoint is not endpoint:
            self.endpoint.pull(self.clock())
        self.device, self.endpoint = device, endpoint
        endpoint.recover()

    def _wired(self, device: Device) -> Endpoint:
        made = endpoint(self.case.family, device, line_ms=self.case.line_ms)
        made.wire = Watched(self, made.wire)
        return made

    def _made(self) -> Works:
        return Works(
            dialect_of(self.case.family, Clerk("1", "", "1")),
            self._open_line,
            self._store,
            terms=lambda: Terms("cp1257", "ABCD", Payment.RESERVED1, rates=dict(self.device.rates)),
            first_seq=self._first_seq(),
            clock=self.clock,
            wait=self._wait,
            held=self._held,
            known=SPOKEN[self.case.family].known,
        )

    def _first_seq(self) -> int:
        """Of the command before the first one."""
        at, seq = SEQ_AT[self.case.family], self._random.randrange(256)
        if self.case.seq == "last" and len(self._last_frame) > at:
            seq = self._last_frame[at] - self.dialect.framing.seq_first - 1
        elif self.case.seq == "first" and self._begun_with is not None:
            seq = self._begun_with
        self._begun_with = seq
        return seq

    @property
    def dialect(self) -> Dialect:
        return dialect_of(self.case.family, Clerk("1", "", "1"))

    def _open_line(self) -> Line:
        line = Line(self)
        line.open()
        return line

    # Steps -----------------------------------------------------------------------------------------------

    def note(self, what: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.clock():9.3f} {what}")

    def sending(self, data: bytes) -> None:
        """A frame goes out; one with a new SEQ is a new command. Raises `Killed`."""
        self.note(f"#{self.commands} > {data!r}")
        if data == self._last_frame:
            return
        self._last_frame = data
        self.commands += 1
        at = self.commands - 1
        self._die(at, Kill.BEFORE)
        for hit in self.case.hits:
            if hit.at == at and hit.kind in self.endpoint.faults:
                self.endpoint.fault(hit.kind, times=hit.times, ms=hit.ms, executed=hit.executed)

    def sent(self) -> None:
        """Raises `Killed`."""
        at = self.commands - 1
        for cut in self.case.cuts:
            if cut.at == at and cut not in self._done:
                self._done.append(cut)
                self.endpoint.cut_power(self.clock(), cut.off_ms / 1000)
        self._die(at, Kill.SENT)

    def _die(self, at: int, when: Kill) -> None:
        for death in self.case.deaths:
            if (death.at, death.when) == (at, when) and death not in self._done:
                self._done.append(death)
                raise Killed

    def _store(self, step: PrintStep) -> None:
        """Raises `Killed`."""
        self._durably(step.point, lambda: self.rows[step.key].steps.append(step))

    def _durably(self, what: str, write: Callable[[], None]) -> None:
        at = self.stores
        self.stores += 1
        self._die(at, Kill.UNSTORED)
        write()
        self.note(f"stored {at} {what}")
        self._die(at, Kill.STORED)

    # Time and people -------------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.case.person and self._held_since is not None and self.clock() >= self._held_since + PERSON_S:
            self.device.has_paper, self.device.cover_open = True, False

    def _held(self, signs: tuple[Sign, ...]) -> None:
        self._held_since = self.clock() if signs else None

    # The gateway -----------------------------------------------------------------------------------------

    def do(self, work: Work) -> Row:
        """Hand the work to the driver once, as its queue does, and store how it ended."""
        row = self.rows[work.key] = Row(work)
        try:
            outcome = self.driver().do(work, self.clock() + DEADLINE_S)
        except Killed:
            self.kill()
            return row
        except DeviceError as error:
            outcome = Outcome(work.key, Result.REFUSED, code="not_begun", reason=error.problem.cause)
        self._end(row, outcome)
        return row

    def settle(self, row: Row) -> None:
        """Ask how a work in doubt ended, once."""
        point = row.point
        if point is None:
            self._end(row, Outcome(row.work.key, Result.CANCELLED, code="restart_before_printing"))
            return
        works = self.driver()
        try:
            outcome = works.settle(Settle(row.work, point, row.baseline))
        except Killed:
            self.kill()
            return
        self._end(row, outcome)

    def until_told(self, row: Row) -> None:
        """Until the gateway knows how it ended, or has asked often enough; a person mends the device after the
        first time."""
        for ask in range(MAX_ASKS):
            if row.ended:
                return
            if ask:
                self.mend()
            self.settle(row)

    def _end(self, row: Row, outcome: Outcome) -> None:
        row.told.append(outcome)
        self.note(f"told {outcome}")

        def write() -> None:
            row.outcome = outcome

        try:
            self._durably(outcome.outcome, write)
        except Killed:
            self.kill()
