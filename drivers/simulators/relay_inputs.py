"""The inputs of a simulated relay board, and the people who step into the beams of the sensors at them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

PASS_MS = 400
"""How long a person stands in a passage sensor's beam."""
SEEN_S = 0.002
"""Between two looks of somebody who waits to be seen."""


class Queue:
    """People who walk through one sensor's beam, one after each pulse; `people` of them (0: without end). `seen`: each
    steps in, and out, as soon as the board's inputs have been read in between, as fast as can be counted."""

    def __init__(self, delay_s: float, people: int, seen: bool) -> None:
        self.delay_s = delay_s
        self.seen = seen
        self._left = people if people else None

    def next(self) -> bool:
        """Whether there is one more."""
        if self._left is not None:
            self._left -= 1
        return self._left is None or self._left >= 0


class Inputs:
    """`states`: which are active. `later` does something in so many seconds; `changed` is told of each change. All but
    `check` is for the board's own thread."""

    def __init__(
        self,
        count: int,
        later: Callable[[float, Callable[[], None]], None],
        changed: Callable[[int, bool], None],
    ) -> None:
        self.states = [False] * count
        self._later, self._changed = later, changed
        self._told = [True] * count  # whether somebody has read what each input is now
        self._queues: dict[int, Queue] = {}

    def check(self, channel: int) -> None:
        """Raises `ValueError` when there is no such input."""
        if not 0 <= channel < len(self.states):
            raise ValueError(f"there is no input {channel}: they are 0 to {len(self.states) - 1}")

    def set(self, channel: int, on: bool) -> None:
        """An input goes active or idle."""
        if self.states[channel] != on:
            self.states[channel], self._told[channel] = on, False
            self._changed(channel, on)

    def told(self) -> None:
        """Somebody has read them all."""
        self._told = [True] * len(self._told)

    def walk(self, channel: int, ms: int = PASS_MS) -> None:
        """Someone walks through: the input is active for `ms`."""
        self.set(channel, True)
        self._later(ms / 1000, partial(self.set, channel, False))

    def line_up(self, channel: int, queue: Queue | None) -> None:
        """From now on these walk through after each pulse; None: nobody."""
        self._queues.pop(channel, None)
        if queue is not None:
            self._queues[channel] = queue

    def pulsed(self) -> None:
        """The next one of each queue may go."""
        for channel, queue in self._queues.items():
            if queue.next():
                self._later(queue.delay_s, partial(self._step_in if queue.seen else self.walk, channel))

    def _step_in(self, channel: int) -> None:
        if self._told[channel]:
            self.set(channel, True)
            self._step_out(channel)
        else:
            self._later(SEEN_S, partial(self._step_in, channel))

    def _step_out(self, channel: int) -> None:
        if self._told[channel]:
            self.set(channel, False)
        else:
            self._later(SEEN_S, partial(self._step_out, channel))
