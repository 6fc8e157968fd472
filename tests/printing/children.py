"""Who is killed: the gateway's process, and by a wire on which somebody dies at a command."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from drivers.simulators.fiscal_model import Act, Why
from drivers.simulators.fiscal_wire import Request, Wire
from tests.printing.gateway import Order, Told
from tests.printing.through import Through

ROOT = Path(__file__).parents[2]


class Tripwire(Through):
    """A wire on which somebody dies at a command."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._left: int | None = None
        self._seq = -1
        self._executed = False
        self._victim = 0
        self.tripped = 0

    def arm(self, step: int, victim: int, *, executed: bool) -> None:
        self._left, self._victim, self._executed = step, victim, executed

    def disarm(self) -> None:
        self._left = None

    def act(self, request: Request) -> Act:
        if request.seq != self._seq and self._left is not None:
            self._left -= 1
        self._seq = request.seq
        if not self._executed:
            self._trip()
        return self._wire.act(request)

    def answer(self, request: Request, deny: Why | None, *, quiet: bool) -> bytes:
        answer = self._wire.answer(request, deny, quiet=quiet)
        if self._executed:
            self._trip()
        return answer

    def _trip(self) -> None:
        if self._left is not None and self._left < 0:
            self._left = None
            self.tripped += 1
            os.kill(self._victim, signal.SIGKILL)


class Child:
    """The gateway's process."""

    def __init__(self, folder: Path, port: str, family: str) -> None:
        argv = [sys.executable, "-m", "tests.printing.gateway", str(folder), port, family]
        with (folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        self.said: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.put(msgspec.json.decode(line, type=Told))
        self.said.put(None)

    def order(self, order: Order) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.flush()

    @property
    def driver(self) -> int:
        """Process id of the driver that it runs; its own while there is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def end(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._thread.join()
        self.process.stdout.close()
