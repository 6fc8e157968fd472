"""Baseline of the relay's own time: a pulse's frame written to the pty of a simulated board, no driver, no silence.

    python -m tests.bench.baselines.raw_pulse LINK

Commands: `paced` {at_ns}: write the frame at each of these monotonic moments, answers when each was written.
When it was there, the board's `opened` event says.
"""

from __future__ import annotations

import os
import select
import sys
import time
import tty

from drivers.relay.boards import BOARDS
from drivers.relay.modbus import encode
from drivers.simulators import control

PULSE_MS = 100


class RawLine:
    """The port."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd)
        board = BOARDS["waveshare"]
        self._frame = encode(1, board.pulse(0, board.units(PULSE_MS)))

    def paced(self, at_ns: list[int]) -> list[int]:
        written = []
        for moment in at_ns:
            time.sleep(max(0.0, (moment - time.monotonic_ns()) / 1e9))
            written.append(time.monotonic_ns())
            os.write(self._fd, self._frame)
            if not select.select([self._fd], [], [], 5.0)[0]:
                raise TimeoutError("the board does not answer")
            os.read(self._fd, 256)
        return written


def main() -> None:
    control.serve({"port": sys.argv[1]}, {"paced": RawLine(sys.argv[1]).paced})


if __name__ == "__main__":
    main()
