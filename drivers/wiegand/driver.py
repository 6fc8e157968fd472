"""The wiegand driver: cuts the pulses of two wires into cards, reports each."""

from __future__ import annotations

import time

from drivers.access.cards import Cards
from drivers.contract.core import Kind
from drivers.driver import DeviceError, Driver, Port
from drivers.wiegand.edges import Edges, GpioEdges, PipeEdges
from drivers.wiegand.errors import Code, problem
from drivers.wiegand.frames import Frame, Frames
from drivers.wiegand.options import Options

WAIT_S = 0.5
"""A reader says nothing until a card comes: so long we sleep at most, then look at the wires."""
LOW_S = 1.5
"""A pulse lasts 100 µs. A wire that is low at each look for so long is broken or has no reader."""
LOOK_S = 0.5
"""Before a reader whose wires were low counts as there again."""
KEY_BITS = frozenset({4, 6, 8})
"""What keypads send for a key."""


class WiegandDriver(Driver[Options]):
    """An access control reader on two wires. Reports each card whose parity is right, once per presentation.

    `alive` is the system's word that it has the lines and that both are high, as idle ones are: a reader on two wires
    has no other answer to give.
    """

    name = "wiegand"
    kind = Kind.READER
    options_type = Options

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._edges: Edges | None = None
        self._was_low = False

    def open(self, options: Options) -> dict[str, str]:
        self._where = options.edges or options.chip
        self._frames = Frames(options.gap_ms * 1_000_000, options.apart_us * 1000)
        self._bounces_told = 0
        self._gap_s = options.gap_ms / 1000
        self._low_since: float | None = None
        self._cards = Cards(
            options.cards, frozenset(options.unchecked), options.repeat_ms, report=self.reading, log=self.log
        )
        self._edges, detail = self._source(options)
        if self._was_low:
            self._edges.read(LOOK_S)  # What comes now was sent while the reader counted as gone.
            self._refuse_low(self._edges.low())
        return detail

    def poll(self) -> float:
        if self._edges is None:
            raise DeviceError(problem(Code.UNPLUGGED, self._where))
        edges = self._edges.read(self._gap_s if self._frames.waiting else WAIT_S)
        for edge in edges:
            self._take(self._frames.feed(edge))
        if not edges:
            self._take(self._frames.look(time.monotonic_ns()))
            self._look_at_wires(self._edges)
        return 0.0

    def close(self) -> None:
        if self._edges is not None:
            self._edges.close()
            self._edges = None

    @staticmethod
    def _source(options: Options) -> tuple[Edges, dict[str, str]]:
        if options.edges is not None:
            return PipeEdges(options.edges), {"edges": options.edges}
        if options.d0 is None or options.d1 is None:
            raise DeviceError(problem(Code.BAD_LINES, options.chip, "`d0` and `d1` are not given"))
        pins = {"d0": str(options.d0), "d1": str(options.d1)}
        lines = GpioEdges(options.chip, options.d0, options.d1, pull_up=options.pull_up, inverted=options.inverted)
        return lines, {"chip": options.chip, **pins}

    def _take(self, frame: Frame | None) -> None:
        if frame is None:
            return
        self.alive()
        if self._frames.bounces > 2 * self._bounces_told:
            self._bounces_told = self._frames.bounces
            self.log(f"a pulse rang, {self._bounces_told} so far: are the wires shielded and away from mains?")
        if frame.why:
            self._cards.refuse(frame.why)
        elif frame.bits in KEY_BITS:
            self._cards.refuse("a key of a keypad: no station asks for one")
        else:
            self._cards.take(frame.bits, frame.value, frame.t_ns)

    def _look_at_wires(self, edges: Edges) -> None:
        low = edges.low()
        now = time.monotonic()
        if not low:
            self._low_since = None
            self.alive()
            return
        self._low_since = now if self._low_since is None else self._low_since
        if now - self._low_since >= LOW_S:
            self._refuse_low(low)

    def _refuse_low(self, low: tuple[int, ...]) -> None:
        self._was_low = bool(low)
        if low:
            wires = " and ".join(f"DATA{line}" for line in low)
            raise DeviceError(problem(Code.LINE_LOW, why=wires))
