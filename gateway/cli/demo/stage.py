"""Puts the demo on: broker, centre, gateway and simulators as child processes, the morning, the count."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from gateway.centre.query import EntryRow, Query
from gateway.cli.demo.check import Verdict, check
from gateway.cli.demo.children import Child, ChildFailed, python
from gateway.cli.demo.script import Failed, Morning
from gateway.cli.demo.town import CITY, GATEWAY, Town, free_port
from gateway.cli.demo.watch import Watch, get
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import GatewayError

DRAIN_S = 30.0


class Stage:
    """One demo. `play` returns the exit code: 0 when all went as it should and nothing was lost or doubled."""

    def __init__(self, *, broker: str, port: int, state: Path | None, gateway_program: str | None) -> None:
        self._broker = broker
        self._port = port
        self._kept = state
        self._gateway_program = gateway_program
        self._children: dict[str, Child] = {}

    def play(self, *, once: bool, as_json: bool) -> int:
        """Everything, from an empty stage to the count. After a failure the work folder stays, for its logs."""
        began = time.monotonic()
        # Short: a unix socket's whole path has 107 bytes.
        town = Town((self._kept or Path(tempfile.mkdtemp(prefix="smartplace-"))).resolve())
        try:
            morning, recorded, acked = self._perform(town, once=once)
        except (ChildFailed, Failed, GatewayError, OSError) as error:
            sys.stderr.write(f"error: {error}\n")
            self._show_logs(town)
            return 1
        except KeyboardInterrupt:
            return 130
        stored = Query(town.centre_store).events(gateway=GATEWAY, limit=1_000_000)
        good = self._tell(morning, stored, (recorded, acked), time.monotonic() - began, as_json=as_json)
        if good and self._kept is None:
            shutil.rmtree(town.folder, ignore_errors=True)
        elif not good:
            self._say(f"  logs: {town.logs}")
        return 0 if good else 1

    def _perform(self, town: Town, *, once: bool) -> tuple[Morning, int, int]:
        watch: Watch | None = None
        try:
            morning, watch = self._set_up(town)
            self._say(f"  pages: http://127.0.0.1:{self._port}/")
            morning.play()
            recorded, acked = self._drain()
            if not once:
                self._linger()
            return morning, recorded, acked
        finally:
            if watch is not None:
                watch.stop()
            self._tear_down()

    # Set-up ----------------------------------------------------------------------------------------------

    def _set_up(self, town: Town) -> tuple[Morning, Watch]:
        self._say("Setting the stage (keys, city, broker, centre, simulators, gateway) ...")
        ports = {"broker": free_port(), "camera": free_port(), "pages": self._port or free_port()}
        self._port = ports["pages"]
        town.prepare(ports)
        self._start("broker", self._broker_argv(town, ports["broker"]), town, steered=self._broker == "embedded")
        key = town.keys / "bundles.pub"
        flags = ["--city", CITY, "--store", str(town.centre_store), "--key", str(key), "--port", str(ports["broker"])]
        self._start("centre", python("gateway.centre", *flags), town)
        for bundle in town.bundles:
            self._children["centre"].ask("publish", file=str(bundle))
        self._start_simulators(town, ports["camera"])
        program = self._gateway_program
        gateway = [sys.executable, program] if program else python("gateway", "run")
        self._start("gateway", [*gateway, "--config", str(town.config)], town, steered=False)
        watch = Watch(self._port)
        morning = Morning(town, self._children, watch, self._port, self._say)
        watch.start()
        morning.wait_ready()
        return morning, watch

    def _start_simulators(self, town: Town, camera_port: int) -> None:
        for reader in ("desk-reader", "gate-reader", "till-reader"):
            link, counters = str(town.devices / reader), str(town.folder / f"{reader}.counters")
            flags = ["--link", link, "--cards", str(town.cards), "--counters", counters]
            self._start(reader, python("drivers.simulators.pn532", *flags), town)
        self._start("desk-camera", python("drivers.simulators.camera", "--port", str(camera_port), "--fps", "5"), town)
        self._start("gate-relay", python("drivers.simulators.relay", "--link", str(town.devices / "gate-relay")), town)
        flags = ["--link", str(town.devices / "till-printer"), "--journal", str(town.paper)]
        self._start("till-printer", python("drivers.simulators.datecs", *flags), town)

    def _broker_argv(self, town: Town, port: int) -> list[str]:
        if self._broker == "embedded":
            return python("gateway.cli.demo.broker", str(port))
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise ChildFailed("mosquitto is not installed: apt install mosquitto, or use --broker embedded")
        config = town.folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8")
        return [program, "-c", str(config)]

    def _start(self, name: str, argv: list[str], town: Town, *, steered: bool = True) -> None:
        child = self._children[name] = Child(name, argv, town.logs / f"{name}.log", steered=steered)
        child.start()

    # End -------------------------------------------------------------------------------------------------

    def _drain(self) -> tuple[int, int]:
        """What is recorded now, and how much of it the centre has acked after at most `DRAIN_S`."""
        fixed = self._ledger()["last"]
        until = time.monotonic() + DRAIN_S
        while True:
            acked = {stream: min(fixed[stream], through) for stream, through in self._ledger()["acked"].items()}
            if acked == fixed or time.monotonic() > until:
                return sum(fixed.values()), sum(acked.values())
            time.sleep(0.1)

    def _ledger(self) -> dict[str, dict[str, int]]:
        ledger: dict[str, dict[str, int]] = get(self._port, "/v1/status")[1]["ledger"]
        return ledger

    def _linger(self) -> None:
        self._say(f"The morning is over; the stations stay open at http://127.0.0.1:{self._port}/ - Ctrl-C ends.")
        try:
            while self._children["gateway"].alive:
                time.sleep(0.5)
        except KeyboardInterrupt:
            self._say("")

    def _tear_down(self) -> None:
        """The gateway first, so that it can say goodbye; the broker last."""
        order = ["gateway", *(name for name in self._children if name not in ("gateway", "centre", "broker"))]
        for name in [*order, "centre", "broker"]:
            if name in self._children and hasattr(self._children[name], "process"):
                self._children[name].stop()

    def _tell(
        self, morning: Morning, stored: list[EntryRow], sums: tuple[int, int], seconds: float, *, as_json: bool
    ) -> bool:
        recorded, acked = sums
        verdict = check(morning.noted, stored)
        kinds = [row.kind for row in stored]
        identifications = sum(row.stream is Stream.IDENTIFICATION for row in stored)
        figures = {
            "readings": morning.readings,
            "identifications": identifications,
            "admissions": kinds.count(EntryKind.ADMISSION),
            "receipts": kinds.count(EntryKind.RECEIPT),
            "recorded": recorded,
            "acked": acked,
            "lost": len(verdict.lost),
            "duplicates": len(verdict.duplicates),
            "seconds": round(seconds, 1),
        }
        self._explain(morning, verdict)
        if as_json:
            sys.stdout.write(json.dumps(figures) + "\n")
        else:
            self._say("  " + ", ".join(f"{name} {value}" for name, value in figures.items()))
        return not morning.failures and not verdict.lost and not verdict.duplicates and recorded == acked

    def _explain(self, morning: Morning, verdict: Verdict) -> None:
        for what, faults in (("lost", verdict.lost), ("twice", verdict.duplicates), ("wrong", morning.failures)):
            for fault in faults:
                self._say(f"  {what}: {fault}")

    def _show_logs(self, town: Town) -> None:
        sys.stderr.write(f"logs: {town.logs}\n")
        for log in sorted(town.logs.glob("*.log")):
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            for line in tail:
                sys.stderr.write(f"  {log.stem}: {line}\n")

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
