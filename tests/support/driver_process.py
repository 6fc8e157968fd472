"""A driver run as the gateway runs it: its own process, the contract on its stdio. For tests of drivers."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from drivers.contract.codec import LineSplitter, decode_for_gateway, encode, raw
from drivers.contract.core import (
    Call,
    DeviceState,
    Options,
    Reading,
    Reply,
    State,
    Step,
    Stop,
    Stored,
    ToDriver,
    ToGateway,
)

M = TypeVar("M", bound=msgspec.Struct)


class DriverProcess:
    """Spawns `python -m MODULE`, sends the options, collects what comes. Use as a context manager.

    Every wait has a time-out (generous: machines are shared) and fails with what did come instead.
    """

    def __init__(
        self,
        module: str,
        options: dict[str, Any],
        argv: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._argv = list(argv) if argv is not None else [sys.executable, "-m", module]
        self._options = options
        self._environment = environment
        self.heard: list[ToGateway] = []
        self.garbage: list[bytes] = []
        self._inbox: queue.SimpleQueue[ToGateway | None] = queue.SimpleQueue()
        self._calls = 0

    def __enter__(self) -> DriverProcess:
        self.process = subprocess.Popen(
            self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.send(Options("test", msgspec.Raw(msgspec.json.encode(self._options))))
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.wait()
        self._listener.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def send(self, message: ToDriver) -> None:
        self.send_line(encode(message))

    def send_line(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def expect(self, kind: type[M], timeout: float = 15.0) -> M:
        """The next message of this type; others are passed over (they stay in `heard`)."""
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            try:
                message = self._inbox.get(timeout=left)
            except queue.Empty:
                break
            if message is None:
                raise AssertionError(f"the driver ended; heard {self.heard[-5:]}")
            if isinstance(message, kind):
                return message
        raise AssertionError(f"no {kind.__name__} within {timeout} s; heard {self.heard[-5:]}")

    def expect_state(self, state: DeviceState, timeout: float = 15.0) -> State:
        until = time.monotonic() + timeout
        while True:
            told = self.expect(State, until - time.monotonic())
            if told.state is state:
                return told

    def expect_reading(self, body: type[M], timeout: float = 15.0) -> M:
        return msgspec.json.decode(self.expect(Reading, timeout).body, type=body)

    def forget(self) -> None:
        """Everything that was heard so far: for a process that several tests share."""
        while not self._inbox.empty():
            self._inbox.get()
        self.heard.clear()

    def nothing(self, kind: type[msgspec.Struct], seconds: float) -> None:
        """Assert that no message of this type comes for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                message = self._inbox.get(timeout=left)
            except queue.Empty:
                return
            assert not isinstance(message, kind), message

    def call(self, body: msgspec.Struct, deadline_ms: int = 5000) -> int:
        """Send a call and return its id; answer its steps yourself, or use `ask`."""
        self._calls += 1
        self.send(Call(self._calls, deadline_ms, raw(body)))
        return self._calls

    def ask(self, body: msgspec.Struct, deadline_ms: int = 5000, timeout: float = 15.0) -> Reply:
        """Send a call, store every step at once, return the reply."""
        number = self.call(body, deadline_ms)
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            message = self.expect(msgspec.Struct, left)
            match message:
                case Step(id=step):
                    self.send(Stored(step))
                case Reply(id=answered) if answered == number:
                    return message
                case _:
                    pass
        raise AssertionError(f"no reply to {body}")

    def stop(self, timeout: float = 5.0) -> int:
        """Ask it to stop and return its exit code."""
        self.send(Stop())
        return self.process.wait(timeout)

    def close_stream(self) -> None:
        """What the driver sees when the gateway is killed."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        lines = LineSplitter()
        while data := self.process.stdout.read1(65536):  # type: ignore[attr-defined]
            for line in lines.feed(data):
                try:
                    message = decode_for_gateway(line)
                except ValueError:
                    self.garbage.append(line)
                    continue
                self.heard.append(message)
                self._inbox.put(message)
        self._inbox.put(None)
