"""Puts the demo on: sets the stage, plays the morning, counts, tells."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from gateway.centre.query import EntryRow, Query
from gateway.cli.demo.acts import Acts
from gateway.cli.demo.check import Verdict, check
from gateway.cli.demo.children import ChildFailed
from gateway.cli.demo.rig import EMBEDDED, LOOK_S, MOSQUITTO, Failed, Rig, in_use, mosquitto, size_of
from gateway.cli.demo.script import VISIT_S, Morning
from gateway.cli.demo.town import GATEWAY, Town
from gateway.cli.demo.watch import Watch
from gateway.cli.exits import Exit
from gateway.model.entry import EntryKind
from gateway.model.errors import ConfigurationError, GatewayError, NotFound

DRAIN_S = 30.0
"""For the centre's word on everything, after the morning."""
LONGEST_FOLDER = 80
"""A unix socket's whole path has 107 bytes (unix(7))."""
NEEDED = ("cv2", "nfc", "segno", "serial", "zxingcpp")
"""What simulators and drivers import beyond the gateway's own libraries."""


class Figures(msgspec.Struct, frozen=True):
    """What `--json` prints (docs/demo.md says where each is counted)."""

    readings: int
    identifications: int
    admissions: int
    receipts: int
    recorded: int
    acked: int
    lost: int
    duplicates: int
    seconds: float


class Stage:
    """One demo. `play` returns the exit code: 0 when all went as it should and nothing was lost or done twice."""

    def __init__(self, *, broker: str, port: int, state: Path | None, gateway_program: str | None) -> None:
        self._broker = broker
        self._port = port
        self._kept = state
        self._gateway_program = gateway_program

    def play(self, *, once: bool, as_json: bool) -> Exit:
        """Everything, from an empty stage to the count. After a failure the work folder stays, for its logs.

        Raises `GatewayError` when this machine cannot put it on.
        """
        began = time.monotonic()
        say("Setting the stage: keys, city, broker, centre, simulators, gateway ...")
        self._check_machine()
        town = Town((self._kept or Path(tempfile.mkdtemp(prefix="smartplace-"))).resolve())
        result = Exit.FAILED
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupted)
        try:
            result = self._perform(town, began, once=once, as_json=as_json)
        except KeyboardInterrupt:
            say("interrupted")
            result = Exit.INTERRUPTED
        except (ChildFailed, Failed, GatewayError, OSError) as error:
            say(f"error: {error}")
            _show_logs(town)
        if result is not Exit.FAILED and self._kept is None:
            shutil.rmtree(town.folder, ignore_errors=True)
        else:
            say(f"  everything is in {town.folder}, logs in {town.logs}")
        return result

    def _check_machine(self) -> None:
        needed = (*NEEDED, "amqtt") if self._broker == EMBEDDED else NEEDED
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if missing:
            advice = "Install them: pip install 'smartplace-gateway[demo]', or `make demo` in the source tree"
            raise NotFound(f"the demo needs further packages: {', '.join(missing)}", advice)
        if self._port and in_use(self._port):
            raise GatewayError(f"port {self._port} is in use", "Choose another with --port; 0 takes any free one")
        if self._broker == MOSQUITTO:
            mosquitto()
        folder = self._kept or Path(tempfile.gettempdir(), "smartplace-xxxxxxxx")
        if len(bytes(folder.resolve())) > LONGEST_FOLDER:
            advice = f"Give one of at most {LONGEST_FOLDER} bytes with --state"
            raise ConfigurationError("the folder's path is too long for a socket in it", advice, where=str(folder))

    # Course ----------------------------------------------------------------------------------------------

    def _perform(self, town: Town, began: float, *, once: bool, as_json: bool) -> Exit:
        rig = Rig(town, self._broker, port=self._port, gateway_program=self._gateway_program)
        watch: Watch | None = None
        try:
            before = _set_up(rig)
            watch = Watch(rig.port)
            acts = Acts(rig, watch, say)
            watch.start()
            rig.wait_ready()
            say(f"  pages: http://127.0.0.1:{rig.port}/ (ready after {time.monotonic() - began:.0f} s)")
            say(f"  for programs that know ErpNet.FP: http://127.0.0.1:{rig.ports['netfp']}/printers")
            morning = Morning(acts, say)
            morning.play()
            if not once:
                _stay_open(rig, morning)
            recorded, acked = _drain(rig)
            sizes = _sizes(rig)
        finally:
            uninterrupted()
            if watch is not None:
                watch.stop()
            rig.stop()
        stored = Query(town.centre_store).events(gateway=GATEWAY, after=before, limit=1_000_000)
        verdict = check(acts.noted, stored)
        figures = _figures(acts.readings, stored, (recorded, acked), verdict, time.monotonic() - began)
        return _tell(figures, verdict, morning.failures, sizes, as_json=as_json)


def _set_up(rig: Rig) -> int:
    """Everything runs. Returns how much the centre had stored before: a kept work folder has earlier mornings."""
    rig.prepare()
    rig.start_devices()
    rig.start_broker()
    before = 0
    if rig.town.centre_store.exists():
        before = max((row.arrival for row in Query(rig.town.centre_store).events(limit=1_000_000)), default=0)
    rig.start_gateway()
    rig.start_centre()
    return before


def _stay_open(rig: Rig, morning: Morning) -> None:
    """Until Ctrl-C: now and then somebody comes."""
    say(f"The morning is over, the stations stay open at http://127.0.0.1:{rig.port}/ (Ctrl-C ends and counts)")
    number = 0
    try:
        while rig.children["gateway"].alive:
            time.sleep(VISIT_S)
            morning.visit(number)
            number += 1
    except KeyboardInterrupt:
        say("")


def _drain(rig: Rig) -> tuple[int, int]:
    """What is recorded now, and how much of it the centre has acked after at most `DRAIN_S`."""
    fixed = rig.status()["ledger"]["last"]
    until = time.monotonic() + DRAIN_S
    while True:
        acked = {stream: min(fixed[stream], through) for stream, through in rig.status()["ledger"]["acked"].items()}
        if acked == fixed or time.monotonic() > until:
            return sum(fixed.values()), sum(acked.values())
        time.sleep(LOOK_S)


def _sizes(rig: Rig) -> str:
    """For the curious: what all this takes."""
    drivers = [device["pid"] for device in rig.devices().values() if device.get("pid")]
    core = size_of([rig.children["gateway"].process.pid]) / 1e6
    theirs = size_of(drivers) / 1e6
    disk = sum(file.stat().st_size for file in rig.town.state.glob("ledger.db*")) / 1e3
    memory = f"the gateway took {core:.0f} MB of memory, its {len(drivers)} drivers {theirs:.0f} MB"
    return f"{memory}, the ledger {disk:.0f} kB"


# Count ---------------------------------------------------------------------------------------------------


def _figures(readings: int, stored: list[EntryRow], sums: tuple[int, int], verdict: Verdict, seconds: float) -> Figures:
    kinds = [row.kind for row in stored]
    return Figures(
        readings=readings,
        identifications=kinds.count(EntryKind.IDENTIFICATION) + kinds.count(EntryKind.REFUSAL),
        admissions=kinds.count(EntryKind.ADMISSION),
        receipts=kinds.count(EntryKind.RECEIPT),
        recorded=sums[0],
        acked=sums[1],
        lost=len(verdict.lost),
        duplicates=len(verdict.duplicates),
        seconds=round(seconds, 1),
    )


def _tell(figures: Figures, verdict: Verdict, failures: list[str], sizes: str, *, as_json: bool) -> Exit:
    """The count, in words and, where asked for, as the last line of stdout."""
    for what, faults in (("lost", verdict.lost), ("twice", verdict.duplicates), ("wrong", failures)):
        for fault in faults:
            say(f"  {what}: {fault}")
    good = not failures and not figures.lost and not figures.duplicates and figures.recorded == figures.acked
    say(f"Counted from outside, after {figures.seconds:.0f} s:")
    say(f"  {figures.readings} readings: {figures.identifications} identifications, {figures.admissions} admissions")
    say(f"  {figures.receipts} receipts; {figures.recorded} entries recorded, {figures.acked} acked by the centre")
    say(f"  {figures.lost} lost, {figures.duplicates} done twice; {sizes}")
    say("All is as it should be." if good else "THIS IS NOT AS IT SHOULD BE.")
    if as_json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(figures)) + "\n")
        sys.stdout.flush()
    return Exit.DONE if good else Exit.FAILED


def _show_logs(town: Town) -> None:
    for log in sorted(town.logs.glob("*.log")):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]:
            say(f"  {log.stem}: {line}")


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def uninterrupted() -> None:
    """From here on: a second Ctrl-C must not leave anything behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
