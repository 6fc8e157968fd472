"""The demo's child processes: started, steered by JSON lines, ended by their own pid."""

from __future__ import annotations

import json
import os
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


class ChildFailed(Exception):
    """A part of the demo did not start or does not answer; its log says more."""


class Child:
    """One process with a log file. Steered ones speak JSON lines (`drivers.simulators.control`)."""

    def __init__(self, name: str, argv: list[str], log: Path, *, steered: bool = True) -> None:
        self.name = name
        self.log = log
        self._argv = _dies_with_us(argv)
        self._steered = steered
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._one_at_a_time = threading.Lock()
        self.events: list[dict[str, Any]] = []
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None

    def start(self) -> dict[str, Any]:
        """Start it; for a steered one wait until it says where to connect."""
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if self._steered else log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        if not self._steered:
            return {}
        # Its own queue for each life: what an earlier one left unsaid is not this one's word.
        self._answers = queue.SimpleQueue()
        arguments = (self.process, self._answers)
        threading.Thread(target=self._listen, args=arguments, name=self.name, daemon=True).start()
        ready: dict[str, Any] = self._next(READY_S)["ready"]
        return ready

    def ask(self, do: str, timeout: float = ANSWER_S, **arguments: Any) -> Any:
        """Carry out a command and return what it answers. Raises `ChildFailed`."""
        with self._one_at_a_time:
            assert self.process.stdin is not None  # noqa: S101 (for the type checker: it is a pipe)
            try:
                self.process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
                self.process.stdin.flush()
            except OSError as error:
                raise ChildFailed(f"{self.name} has ended, see {self.log}") from error
            answer = self._next(timeout)
        if "error" in answer:
            raise ChildFailed(f"{self.name}: {answer['error']}")
        return answer.get("ok")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout: float = 8.0) -> int:
        """End of its input, then SIGTERM, then SIGKILL; returns its exit code."""
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if number is signal.SIGTERM and self._steered:
                try:
                    return self.process.wait(timeout=2.0)
                except subprocess.TimeoutExpired:
                    pass
            self.process.send_signal(number)
            try:
                return self.process.wait(timeout=timeout)
            except subprocess.TimeoutExpired:
                continue
        return self.process.wait()

    def _next(self, timeout: float) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise ChildFailed(f"{self.name} does not answer, see {self.log}") from None
        if answer is None:
            raise ChildFailed(f"{self.name} has ended, see {self.log}")
        return answer

    def _listen(self, process: subprocess.Popen[bytes], answers: queue.SimpleQueue[dict[str, Any] | None]) -> None:
        assert process.stdout is not None  # noqa: S101
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
    """Most children end with their input; for the others util-linux can ask the kernel."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "TERM", *argv] if program else argv
