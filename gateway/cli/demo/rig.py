"""The demo's machinery: broker, centre, simulators and gateway as child processes on one work folder."""

from __future__ import annotations

import errno
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.cli.demo.children import READY_S, Child, python
from gateway.cli.demo.leash import Leash
from gateway.cli.demo.ports import free_port
from gateway.cli.demo.town import CITY, Town
from gateway.cli.demo.watch import get, look_inside
from gateway.model.errors import NotFound

READERS = ("desk-reader", "gate-reader", "till-reader")
CAMERA, RELAY, PRINTER = "desk-camera", "gate-relay", "till-printer"
SIMULATORS = (*READERS, CAMERA, RELAY, PRINTER)
EMBEDDED, MOSQUITTO = "embedded", "mosquitto"
NETFP_PORT = 8001
"""Where programs that know ErpNet.FP look."""
LOOK_S = 0.05
"""Between two looks at something that is awaited."""


class Failed(Exception):
    """Something did not show what it should."""


class Rig:
    """Starts and stops the parts. `stop` ends everything that was started, whatever state it is in; so does, a
    second or two later, the end of this process."""

    def __init__(self, town: Town, broker: str, *, port: int = 0, gateway_program: str | None = None) -> None:
        self.town = town
        self.children: dict[str, Child] = {}
        self.port = port
        self._broker = broker
        self._gateway_program = gateway_program
        self._leash = Leash()
        self._killed: set[str] = set()

    # Parts -----------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Fill the work folder, with ports that are free now."""
        # Who has named the pages' port wants to find things where they are expected.
        expected = NETFP_PORT if self.port and not in_use(NETFP_PORT) else 0
        self.port = self.port or free_port()
        self.ports = {"broker": free_port(), "camera": free_port(), "pages": self.port}
        self.ports["netfp"] = expected or free_port()
        # What the embedded broker speaks. Left to itself the gateway finds that out, by waiting for an answer.
        self.town.prepare(self.ports, protocol="3.1.1" if self._broker == EMBEDDED else "auto")
        self._leash.start()

    def start_devices(self, *names: str, options: Mapping[str, list[str]] | None = None) -> None:
        """These simulators, or all, side by side; `options` are further ones of a simulator."""
        for name in names or SIMULATORS:
            self.spawn(name, [*self._simulator(name), *(options or {}).get(name, [])])
        self._all_ready(*(names or SIMULATORS))

    def start_broker(self) -> None:
        """Start it, or start it again on the same port, and wait until it answers."""
        if "broker" not in self.children:
            argv = self._mosquitto() if self._broker == MOSQUITTO else self._embedded()
            self._child("broker", argv, steered=self._broker == EMBEDDED)
        self.start_again("broker")
        self.until(lambda: _answers(self.ports["broker"]), "the broker", READY_S)

    def start_centre(self) -> None:
        """The centre, with the town's bundles published."""
        flags = ["--city", CITY, "--store", str(self.town.centre_store), "--key", str(self.town.keys / "bundles.pub")]
        protocol = "3.1.1" if self._broker == EMBEDDED else "auto"
        flags += ["--port", str(self.ports["broker"]), "--protocol", protocol]
        self.spawn("centre", python("gateway.centre", *flags))
        self._all_ready("centre")
        for bundle in self.town.bundles:
            self.children["centre"].ask("publish", file=str(bundle))

    def start_gateway(self) -> None:
        """The gateway, or the program in its place. Does not wait."""
        program = self._gateway_program
        argv = [sys.executable, program] if program else python("gateway", "run")
        self.spawn("gateway", [*argv, "--config", str(self.town.config)], steered=False)

    def start_again(self, name: str) -> None:
        """A part that was killed, as it was."""
        child = self.children[name]
        child.start()
        self._runs(child)

    def stop(self) -> None:
        """The gateway first, so that it can say goodbye; the broker last."""
        order = ["gateway", *(name for name in self.children if name not in ("gateway", "centre", "broker"))]
        self._end(*order)
        self._end("centre")
        self._end("broker")
        self._leash.stop()

    def stop_gateway(self) -> int:
        """SIGTERM; returns its exit code."""
        self._killed.add("gateway")
        code = self.children["gateway"].stop()
        self._leash.delete(self.children["gateway"].process.pid)
        return code

    def kill(self, name: str) -> None:
        """kill -9."""
        self._killed.add(name)
        self.children[name].kill()
        self._leash.delete(self.children[name].process.pid)

    # Looks -----------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """`/v1/status`, as a page gets it. Raises `OSError` when the gateway is not there."""
        status: dict[str, Any] = get(self.port, "/v1/status")[1]
        return status

    def devices(self) -> dict[str, dict[str, Any]]:
        """Devices by id, as a technician sees them. Raises `OSError`."""
        devices = look_inside(self.socket, "/v1/devices")["devices"]
        return {device["device"]: device for device in devices}

    @property
    def socket(self) -> Path:
        return self.town.state / "api.sock"

    def pids(self) -> dict[str, int]:
        """Process ids of the drivers whose device is ready."""
        return {name: device["pid"] for name, device in self.devices().items() if device["health"] == "ready"}

    def wait_ready(self, timeout: float = 90.0) -> None:
        """Until every device is ready and rules and registry are in force."""
        self.until(
            lambda: len(self.pids()) == len(self.devices()) and len(self.status()["sync"]["bundles"]) == 2,
            "all devices and both bundles",
            timeout,
        )

    def until(self, right: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
        """Look until it is right. Raises `Failed` when it does not become so, and when a part has ended meanwhile."""
        until = time.monotonic() + timeout
        while True:
            try:
                if right():
                    return
            except OSError:
                pass  # It is starting; the deadline below ends the wait.
            for child in self._running():
                if child.name not in self._killed and not child.alive:
                    raise Failed(f"waiting for {what}: {child.name} has ended. {child.last_words()}See {child.log}")
            if time.monotonic() > until:
                raise Failed(f"waited {timeout:.0f} s for {what}")
            time.sleep(LOOK_S)

    # Children --------------------------------------------------------------------------------------------

    def _simulator(self, name: str) -> list[str]:
        town = self.town
        link = ["--link", str(town.devices / name)]
        match name:
            case "desk-camera":
                return python("drivers.simulators.camera", "--port", str(self.ports["camera"]), "--fps", "5")
            case "gate-relay":
                return python("drivers.simulators.relay", *link)
            case "till-printer":
                paper = ["--journal", str(town.paper), "--zone", town.time_zone]
                return python("drivers.simulators.printer", *link, *paper)
            case _:
                counters = ["--counters", str(town.folder / f"{name}.counters")]
                return python("drivers.simulators.pn532", *link, "--cards", str(town.cards), *counters)

    def _embedded(self) -> list[str]:
        return python("gateway.cli.demo.broker", str(self.ports["broker"]))

    def _mosquitto(self) -> list[str]:
        config = self.town.folder / "mosquitto.conf"
        lines = [f"listener {self.ports['broker']} 127.0.0.1", "allow_anonymous true", "persistence false"]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [mosquitto(), "-c", str(config)]

    def _child(self, name: str, argv: list[str], *, steered: bool = True) -> Child:
        child = self.children[name] = Child(name, argv, self.town.logs / f"{name}.log", steered=steered)
        return child

    def spawn(self, name: str, argv: list[str], *, steered: bool = True) -> Child:
        """One more part, under a name of its own. Does not wait."""
        child = self._child(name, argv, steered=steered)
        child.spawn()
        self._runs(child)
        return child

    def forget(self, name: str) -> None:
        """A part that is not needed after all."""
        child = self.children.pop(name)
        child.stop()
        self._leash.delete(child.process.pid)

    def _runs(self, child: Child) -> None:
        self._killed.discard(child.name)
        self._leash.add(child.process.pid)

    def _running(self, *names: str) -> list[Child]:
        """Those of these (or all) that have been started."""
        children = [self.children[name] for name in names or self.children if name in self.children]
        return [child for child in children if hasattr(child, "process")]

    def _all_ready(self, *names: str) -> None:
        for name in names:
            self.children[name].wait_ready()

    def _end(self, *names: str) -> None:
        """The first of them, then the others side by side."""
        running = self._running(*names)
        for number, child in enumerate(running):
            if number == 1:
                for other in running:
                    other.end_input()
            child.stop()
            self._leash.delete(child.process.pid)


def mosquitto() -> str:
    """The program. Raises `NotFound`."""
    # Debian keeps it in /usr/sbin, which is not on everyone's PATH.
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise NotFound("mosquitto is not installed", "Install it: apt install mosquitto; or use --broker embedded")
    return program


def size_of(pids: list[int]) -> int:
    """Bytes of memory that these processes take, shared pages by their part (proc(5), Pss). 0 when not told."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total * 1024


def in_use(port: int) -> bool:
    """Whether a program listens on this port of loopback already."""
    with socket.socket() as probe:
        # As the gateway does it: connections that have just ended are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return True
    except OSError:
        return False
