"""The centre as a process of its own, spoken to by lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.centre.chains import CITY
from tests.support.broker import Broker


class Program:
    """`python -m gateway.centre`, spoken to by lines."""

    def __init__(self, *arguments: str) -> None:
        argv = [sys.executable, "-m", "gateway.centre", *arguments]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, command: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.line()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def program(*arguments: str) -> Iterator[Program]:
    running = Program(*arguments)
    try:
        yield running
    finally:
        running.kill()


@contextmanager
def worker(broker: Broker, where: str, folder: Path, name: str = "centre", **more: object) -> Iterator[Program]:
    """One worker of this store, ready; killed at the block's end if it still lives."""
    quick = {"connect_s": 2.0, "backoff_cap_s": 0.2, "ack_ms": 20, "lease_s": 1.0}
    given = {"city": CITY, "store": where, "port": broker.port, "tls": False, "client_id": name, **quick, **more}
    file = folder / f"{name}.json"
    file.write_text(json.dumps(given))
    with program("--config", str(file)) as running:
        assert running.line()["ready"]["worker"] == name
        yield running
