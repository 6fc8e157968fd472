"""Real brokers for tests: mosquitto (MQTT 3.1.1 and 5), NATS, RabbitMQ and amqtt (3.1.1 only), each its own process.

    with mosquitto() as broker:
        client.connect(broker.host, broker.port)

They listen on 127.0.0.1, answer before the block begins, and end with it by their own pid. `Broker.kill()` and
`Broker.start()` again on the same port show what a client does when its broker goes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cli.demo.ports import free_port
from tests.support.programs import require_file, require_program

READY_S = 20.0
RABBITMQ_READY_S = 120.0
"""It needs some nine seconds on two quiet cores."""
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""Not the script on the PATH: that one runs only as root or as the package's own user."""

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


class Broker:
    """One broker process. `protocols` says which versions it speaks."""

    host = "127.0.0.1"

    def __init__(
        self,
        argv: list[str],
        port: int,
        protocols: tuple[str, ...],
        log: Path,
        environment: dict[str, str] | None = None,
        ready_s: float = READY_S,
    ) -> None:
        self.port = port
        self.protocols = protocols
        self.log = log
        self._argv = argv
        self._environment = environment
        self._ready_s = ready_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker does not run"
        return self._process.pid

    def start(self) -> None:
        """Start (again) on the same port and wait until it answers there."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.PIPE, stdout=log, stderr=log, env=self._environment
            )
        deadline = time.monotonic() + self._ready_s
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


@contextmanager
def nats(port: int | None = None) -> Iterator[Broker]:
    """NATS on a free port: MQTT 3.1.1 only, its sessions and retained messages in JetStream files.

    Of one session it lets `max_ack_pending` times the number of subscriptions be 65,535 at most; with its own 1,024 the
    80 of a worker that holds all shards are too many."""
    port = port or free_port()
    path = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or require_program(
        "nats-server", "nats-server"
    )
    with tempfile.TemporaryDirectory(prefix="nats-") as folder:
        config = Path(folder) / "nats.conf"
        config.write_text(
            f'server_name: one\nlisten: "127.0.0.1:{free_port()}"\n'
            f'jetstream {{ store_dir: "{folder}/store" }}\n'
            f'mqtt {{ listen: "127.0.0.1:{port}", max_ack_pending: 800 }}\n'
        )
        yield from _running(Broker([path, "-c", str(config)], port, ("3.1.1",), Path(folder) / "nats.log"))


@contextmanager
def rabbitmq(port: int | None = None) -> Iterator[Broker]:
    """RabbitMQ with its MQTT plugin on a free port. Everything of it, the port mapper of Erlang included, is private to
    a folder and ends with the block. Starts slowly: one for a whole module."""
    script = require_file(RABBITMQ, "rabbitmq-server")
    mapper = require_program("epmd", "erlang-base")
    port, mapper_port = port or free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="rabbitmq-") as folder:
        here = Path(folder)
        (here / "plugins").write_text("[rabbitmq_mqtt].\n")
        (here / "rabbitmq.conf").write_text(
            f"listeners.tcp = none\nmqtt.listeners.tcp.default = 127.0.0.1:{port}\nmqtt.allow_anonymous = true\n"
        )
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": folder,
            "ERL_EPMD_PORT": str(mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "one@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(here / "mnesia"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # The script then becomes the broker instead of watching over it: one process, one pid.
            "RUNNING_UNDER_SYSTEMD": "1",
        }
        # Erlang would start one by itself, as a daemon that stays.
        argv = [mapper, "-port", str(mapper_port), "-address", "127.0.0.1"]
        with (here / "epmd.log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as names:
            try:
                broker = Broker([script], port, ("3.1.1",), here / "out.log", environment, RABBITMQ_READY_S)
                yield from _running(broker)
            finally:
                names.kill()


def _running(broker: Broker) -> Iterator[Broker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
