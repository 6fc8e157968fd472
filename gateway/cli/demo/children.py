"""The demo's child processes: started, steered by JSON lines, ended by their own pid."""

from __future__ import annotations

import json
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

READY_S = 60.0
"""A slow machine imports OpenCV for a while."""
ANSWER_S = 30.0
END_S = 2.0
"""A steered child ends so soon after its input; then it is asked with SIGTERM."""
STOP_S = 8.0
"""After SIGTERM; then it is killed."""


class ChildFailed(Exception):
    """A part of the demo did not start or does not answer; its log says more."""


class Child:
    """One process with a log file, in a session of its own: Ctrl-C reaches us, not it. Steered ones speak JSON
    lines (`drivers.simulators.control`). `start` may be called again after the process has ended."""

    def __init__(self, name: str, argv: list[str], log: Path, *, steered: bool = True) -> None:
        self.name = name
        self.log = log
        self._argv = _dies_with_us(argv)
        self._steered = steered
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._one_at_a_time = threading.Lock()
        self.events: list[dict[str, Any]] = []
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None

    # Life ------------------------------------------------------------------------------------------------

    def start(self) -> dict[str, Any]:
        """Start it; for a steered one wait until it says where to connect."""
        self.spawn()
        return self.wait_ready() if self._steered else {}

    def spawn(self) -> None:
        """Start it and wait for nothing: several may start side by side."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if self._steered else log,
                stderr=log,
                start_new_session=True,
            )
        if self._steered:
            # Its own queue for each life: what an earlier one left unsaid is not this one's word.
            self._answers = queue.SimpleQueue()
            arguments = (self.process, self._answers)
            threading.Thread(target=self._listen, args=arguments, name=self.name, daemon=True).start()

    def wait_ready(self) -> dict[str, Any]:
        """Until a steered one says where to connect. Raises `ChildFailed`."""
        answer = self._next(READY_S)
        if failed := answer.get("failed"):
            raise ChildFailed(f"{self.name}: {failed['cause']}. {failed['advice']}")
        ready: dict[str, Any] = answer["ready"]
        return ready

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        """Its exit code and the end of its log, as a sentence; for whoever did not expect its end."""
        said = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        words = " / ".join(said[-3:])[-600:]
        return f"It ended with {self.process.poll()}, saying: {words or 'nothing'}. "

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.end_input()

    def end_input(self) -> None:
        """The end of its input, which ends a steered one."""
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()

    def stop(self, timeout: float = STOP_S) -> int:
        """End of its input, then SIGTERM, then SIGKILL; returns its exit code."""
        self.end_input()
        if self._steered:
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(END_S)
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(timeout)
        return self.process.wait()

    # Talk ------------------------------------------------------------------------------------------------

    def ask(self, do: str, timeout: float = ANSWER_S, **arguments: Any) -> Any:
        """Carry out a command and return what it answers. Raises `ChildFailed`."""
        with self._one_at_a_time:
            self._say({"do": do, **arguments})
            answer = self._next(timeout)
        if "error" in answer:
            raise ChildFailed(f"{self.name}: {answer['error']}")
        return answer.get("ok")

    def _say(self, command: dict[str, Any]) -> None:
        if self.process.stdin is None or self.process.stdin.closed:
            raise ChildFailed(f"{self.name} has ended, see {self.log}")
        try:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise ChildFailed(f"{self.name} has ended, see {self.log}") from error

    def _next(self, timeout: float) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise ChildFailed(f"{self.name} does not answer, see {self.log}") from None
        if answer is None:
            raise ChildFailed(f"{self.name} has ended, see {self.log}")
        return answer

    def _listen(self, process: subprocess.Popen[bytes], answers: queue.SimpleQueue[dict[str, Any] | None]) -> None:
        if process.stdout is None:
            return
        with process.stdout:
            for line in process.stdout:
                try:
                    message = json.loads(line)
                except ValueError:
                    continue
                if "event" in message:
                    self.events.append(message)
                    self.on_event(message)
                else:
                    answers.put(message)
        answers.put(None)


def python(module: str, *arguments: str) -> list[str]:
    """A module of ours as a program, on this very Python."""
    return [sys.executable, "-m", module, *arguments]


def _dies_with_us(argv: list[str]) -> list[str]:
    """Most children end with their input; for the others util-linux can ask the kernel (prctl(2), PR_SET_PDEATHSIG)."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "TERM", *argv] if program else argv
