"""Real brokers for tests: mosquitto (MQTT 3.1.1 and 5) and amqtt (3.1.1 only), each its own process.

    with mosquitto() as broker:
        client.connect(broker.host, broker.port)

They listen on 127.0.0.1, answer before the block begins, and end with it by their own pid. `Broker.kill()` and
`Broker.start()` again on the same port show what a client does when its broker goes.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import require_program

READY_S = 20.0

AMQTT_PROGRAM = """
import asyncio, logging, sys
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
logging.disable(logging.ERROR)
async def main():
    broker = Broker(BrokerConfig(
        listeners={"default": ListenerConfig(bind="127.0.0.1:" + sys.argv[1])},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}))
    await broker.start()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await broker.shutdown()
asyncio.run(main())
"""
"""Ends with its stdin. No packet logger, no $SYS topics: a quiet broker."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """One broker process. `protocols` says which versions it speaks."""

    host = "127.0.0.1"

    def __init__(self, argv: list[str], port: int, protocols: tuple[str, ...], log: Path) -> None:
        self.port = port
        self.protocols = protocols
        self.log = log
        self._argv = argv
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker does not run"
        return self._process.pid

    def start(self) -> None:
        """Start (again) on the same port and wait until it answers there."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self._argv[0]} does not answer: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), 0.2):
                return True
        except OSError:
            select_a_while()
            return False


def select_a_while() -> None:
    """Give the other process a moment of the CPU before the next look."""
    import select

    select.select([], [], [], 0.02)


@contextmanager
def mosquitto(*extra: str, port: int | None = None) -> Iterator[Broker]:
    """mosquitto on a free port, anyone may connect. `extra` are further lines of its configuration."""
    # Debian keeps it in /usr/sbin, which is not on everyone's PATH.
    path = shutil.which("mosquitto", path="/usr/sbin") or require_program("mosquitto", "mosquitto")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="mosquitto-") as folder:
        config = Path(folder) / "mosquitto.conf"
        lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "persistence false", *extra]
        config.write_text("\n".join(lines) + "\n")
        yield from _running(Broker([path, "-c", str(config)], port, ("3.1.1", "5"), Path(folder) / "mosquitto.log"))


@contextmanager
def amqtt(port: int | None = None) -> Iterator[Broker]:
    """amqtt on a free port: pure Python, MQTT 3.1.1 only, no session kept for anonymous clients."""
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="amqtt-") as folder:
        argv = [sys.executable, "-c", AMQTT_PROGRAM, str(port)]
        yield from _running(Broker(argv, port, ("3.1.1",), Path(folder) / "amqtt.log"))


def _running(broker: Broker) -> Iterator[Broker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
