"""The demo's town under measurement: broker, centre, simulators and the gateway, each a process of its own.

Imports only what does not weigh: see `tests.bench.prepare`.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.cli.demo.children import Child, python
from gateway.cli.demo.ports import free_port
from gateway.cli.demo.watch import look_inside
from tests.bench.frame import BenchFailed, require
from tests.bench.machine import ends_within

CITY = "jelgava"
ZONE = "Europe/Riga"
"""The place's, as the demo's configuration says."""
LOOK_S = 0.005
"""Between two looks at a starting program: the error of a start's figure."""
UP_S, READY_S, STOP_S = 60.0, 90.0, 20.0


class Stage:
    """A work folder with its processes. Everything that was started is ended with the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.devices = folder / "devices"
        self.config = folder / "gateway.toml"
        self.state = folder / "state"
        self.ports: dict[str, int] = {}
        self.children: dict[str, Child] = {}

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        """The gateway first, the broker last."""
        for child in reversed(self.children.values()):
            if child.alive:
                child.stop()

    def prepare(self, *arguments: str) -> None:
        """Keys, bundles, configuration; `arguments` go to `tests.bench.prepare`."""
        self.ports = {name: free_port() for name in ("broker", "camera", "pages", "netfp")}
        argv = [*python("tests.bench.prepare", str(self.folder), json.dumps(self.ports)), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"not prepared: {done.stderr[-1000:]}")

    def child(self, name: str, argv: list[str], *, steered: bool = True) -> Child:
        """Start a process that ends with the stage."""
        child = self.children[name] = Child(name, argv, self.folder / f"{name}.log", steered=steered)
        child.start()
        return child

    def start_broker(self) -> None:
        """mosquitto where it is installed, else amqtt."""
        port = self.ports["broker"]
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            self.child("broker", python("gateway.cli.demo.broker", str(port)))
            return
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8")
        self.child("broker", [program, "-c", str(config)], steered=False)
        until(lambda: listens(port), UP_S, "the broker")

    def start_centre(self, store: Path) -> Child:
        """The centre with this store, and both bundles published."""
        key = self.folder / "keys" / "bundles.pub"
        flags = ["--city", CITY, "--store", str(store), "--key", str(key), "--port", str(self.ports["broker"])]
        centre = self.child("centre", python("gateway.centre", *flags))
        for name in ("rules", "registry"):
            centre.ask("publish", file=str(self.folder / f"{name}.bundle"))
        return centre

    def start_simulators(self) -> None:
        """The demo's readers, camera, relay and printer, as `smartplace demo` starts them."""
        for reader in ("desk-reader", "gate-reader", "till-reader"):
            flags = ["--link", str(self.devices / reader), "--cards", str(self.folder / "cards.json")]
            flags += ["--counters", str(self.folder / f"{reader}.counters")]
            self.child(f"sim-{reader}", python("drivers.simulators.pn532", *flags))
        camera = python("drivers.simulators.camera", "--port", str(self.ports["camera"]), "--fps", "5")
        self.child("sim-camera", camera)
        self.start_relay("gate-relay")
        printer = ["--link", str(self.devices / "till-printer"), "--zone", ZONE]
        self.child("sim-printer", python("drivers.simulators.printer", *printer))

    def start_relay(self, name: str) -> Child:
        """A relay board's simulator behind `devices/name`."""
        return self.child(f"sim-{name}", python("drivers.simulators.relay", "--link", str(self.devices / name)))

    def tail(self, name: str) -> str:
        """The end of a process's log, for an error."""
        log = self.folder / f"{name}.log"
        return log.read_text(encoding="utf-8", errors="replace")[-1500:] if log.exists() else ""


class Gateway:
    """The real daemon on a stage's configuration."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.socket = stage.state / "api.sock"

    def start(self) -> None:
        argv = python("gateway.cli", "run", "--config", str(self._stage.config))
        self.child = self._stage.child("gateway", argv, steered=False)

    @property
    def pid(self) -> int:
        return self.child.process.pid

    def wait_up(self) -> None:
        """Until the API answers and every driver has been spawned: ready, as the promise has it."""
        self._until(lambda: all(device.get("pid") for device in self.devices()), UP_S, "spawned drivers")

    def wait_ready(self, bundles: int = 2) -> None:
        """Until every device answers and the bundles are in force."""
        self._until(
            lambda: (
                all(device["health"] == "ready" for device in self.devices())
                and len(self.status()["sync"]["bundles"]) == bundles
            ),
            READY_S,
            "devices and bundles",
        )

    def devices(self) -> list[dict[str, Any]]:
        devices: list[dict[str, Any]] = look_inside(self.socket, "/v1/devices")["devices"]
        return devices

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = look_inside(self.socket, "/v1/status")
        return status

    def stop(self) -> float:
        """SIGTERM. Seconds until the process has ended."""
        began = time.monotonic()
        self.child.process.send_signal(signal.SIGTERM)
        require(ends_within(self.child.process, STOP_S), f"the gateway does not stop: {self._stage.tail('gateway')}")
        seconds = time.monotonic() - began
        code = self.child.process.returncode
        require(code == 0, f"the gateway ended with {code}: {self._stage.tail('gateway')}")
        return seconds

    def _until(self, right: Callable[[], bool], seconds: float, what: str) -> None:
        def alive_and_right() -> bool:
            require(self.child.alive, f"the gateway has ended: {self._stage.tail('gateway')}")
            return right()

        until(alive_and_right, seconds, f"the gateway's {what}")


class Bare:
    """The baseline of start, idle and stop."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._socket = stage.folder / "bare.sock"

    def start(self) -> None:
        argv = python("tests.bench.baselines.bare_process", str(self._stage.folder), str(self._stage.ports["broker"]))
        self.child = self._stage.child("bare", argv, steered=False)

    @property
    def pid(self) -> int:
        return self.child.process.pid

    def wait_up(self) -> None:
        until(lambda: bool(look_inside(self._socket, "/")), UP_S, "the bare process")

    def stop(self) -> float:
        began = time.monotonic()
        self.child.process.send_signal(signal.SIGTERM)
        require(ends_within(self.child.process, STOP_S), "the bare process does not stop")
        return time.monotonic() - began


def until(right: Callable[[], bool], seconds: float, what: str) -> None:
    """Look again and again until it is right. Raises `BenchFailed` when it does not become so."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if right():
                return
        except (OSError, ValueError):
            pass  # Nobody listens yet; the deadline ends the wait.
        if time.monotonic() > deadline:
            raise BenchFailed(f"waited {seconds:.0f} s for {what}")
        time.sleep(LOOK_S)


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 0.2):
        return True
