"""The command as a person runs it: a process of its own, against a real gateway with simulated hardware."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.simulators.pn532 import Pn532
from gateway.centre.sign import generate_key
from tests.support.postgres import Postgres, postgres

ARGV = (sys.executable, "-m", "gateway.cli")
START_S = 40.0
"""For a whole gateway on a shared machine: it needs one second of CPU, its drivers another each."""


def environment(**more: str) -> dict[str, str]:
    """Ours, without what would change the command's behaviour."""
    kept = {name: value for name, value in os.environ.items() if name not in ("SMARTPLACE_CONFIG", "NO_COLOR")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **more}


def smartplace(*args: str | Path, timeout: float = 40.0, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*ARGV, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What it said on stderr, line by line, without the word that something takes long: a busy machine's own."""
    return [line for line in done.stderr.splitlines() if not line.endswith(" …")]


class Running:
    """A command that goes on: its stdout and stderr are read line by line, with a deadline. When `typed` it can be
    told something."""

    def __init__(self, *args: str | Path, typed: bool = False) -> None:
        self.process = subprocess.Popen(
            [*ARGV, *map(str, args)],
            stdin=subprocess.PIPE if typed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        self.out = ""
        self.err = ""

    def __enter__(self) -> Running:
        self._ready = selectors.DefaultSelector()
        for name in ("stdout", "stderr"):
            self._ready.register(getattr(self.process, name), selectors.EVENT_READ, name)
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._ready.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def until(self, text: str, timeout: float = START_S) -> None:
        """Read until `text` has been printed on either stream."""
        deadline = time.monotonic() + timeout
        while text not in self.out and text not in self.err:
            assert self._read(deadline), f"no {text!r} in:\n{self.out}\n--\n{self.err}"

    def end(self, timeout: float = START_S) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def type(self, text: str) -> None:
        """A line on its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def _read(self, deadline: float) -> bool:
        if not self._ready.get_map():
            return False
        found = self._ready.select(max(0.0, deadline - time.monotonic()))
        for key, _ in found:
            data = os.read(key.fd, 65536).decode()
            if not data:
                self._ready.unregister(key.fileobj)
            elif key.data == "stdout":
                self.out += data
            else:
                self.err += data
        return bool(found)


def write_keys(folder: Path) -> None:
    """The city's card key and a key that may sign bundles."""
    folder.mkdir(parents=True)
    card = folder / "card.hex"
    card.touch(mode=0o600)
    card.write_text(bytes(range(32)).hex())
    (folder / "bundles.pub").write_text(generate_key(folder / "bundles.key"))


def write_config(folder: Path, *, port: str = "/dev/serial/by-id/none", more: str = "") -> Path:
    """A desk with one reader, no broker behind its port. `more` is appended."""
    write_keys(folder / "keys")
    file = folder / "gateway.toml"
    file.write_text(CONFIG.format(port=port) + more)
    return file


CONFIG = """\
[gateway]
id = "gw-test"
city = "jelgava"
place = "library"
state = "state"

[keys]
card = "keys/card.hex"
card_id = "k1"
bundles = ["keys/bundles.pub"]

[sync]
host = "127.0.0.1"
port = 9
tls = false

[api]
port = 0

[[device]]
id = "desk-reader"
driver = "nfc"
options = {{port = "{port}", poll_ms = 50}}

[[station]]
kind = "desk"
id = "desk-1"
readers = ["desk-reader"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path / "etc")


class Gateway:
    """A gateway that runs: its configuration, its reader, its process."""

    def __init__(self, config: Path, chip: Pn532, process: Running) -> None:
        self.config = config
        self.state = config.parent / "state"
        self.chip = chip
        self.process = process

    def ask(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a verb against it."""
        return smartplace(*args, "--config", self.config)


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store can be made: a file, then an empty database of PostgreSQL."""
    if request.param == "sqlite":
        yield str(tmp_path / "centre.db")
        return
    with request.getfixturevalue("server").database() as url:
        yield url


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests that only look at it or tap: `smartplace run` with a simulated reader."""
    folder = tmp_path_factory.mktemp("gw")
    chip = Pn532(folder / "reader")
    chip.start()
    try:
        config = write_config(folder / "etc", port=str(folder / "reader"))
        with Running("run", "--config", config) as process:
            process.until("ready: http://")
            chip.wait_looks(1, START_S)
            yield Gateway(config, chip, process)
            process.process.terminate()
            assert process.end() == 0, process.err
    finally:
        chip.stop()


def keys(told: Any) -> set[str]:
    """Names in a JSON object."""
    assert isinstance(told, dict), told
    return set(told)
