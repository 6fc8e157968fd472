"""Bench `tap`: from a reading's line to the bytes at the relay board, its entry durable, at 10 taps a second.

Beside it in every gap between two taps, so that noise hits all alike: one raw SQLite commit of the same bytes (the
promise's baseline), one pulse by the same relay driver without a daemon, one pulse without a driver.
"""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from drivers.contract.core import DeviceState, Reply
from drivers.contract.relay import Pulse
from gateway.cli.demo.children import Child, python
from tests.bench.context import Context
from tests.bench.frame import Promise, Row, compare, median, p99, require
from tests.bench.reader import Notes, Plan, notes_of, write
from tests.bench.stage import Gateway, Stage, until
from tests.support.driver_process import DriverProcess

ROUNDS, TAPS, TAPS_QUICK = 5, 100, 20
GAP_NS, JITTER_NS = 100_000_000, 40_000_000
"""10 taps a second. People are no metronome: an exact period would meet the relay driver's own looks at the board
always or never."""
RAW_AT, ALONE_AT, BARE_AT = 0.35, 0.6, 0.8
"""Where in the gap between two taps the others do their work."""
HEADER_BYTES = 110
"""What a stored entry has beside its body: kind, clocks, boot id, digest, salt."""
CARDS = 200
BOARDS = ("gate-relay", "relay-alone", "relay-bare")
RELAY_OPTIONS = {"outputs": 2, "inputs": 2}
PULSE_MS = 100

DEVICES = """
[[device]]
id = "gate-reader"
driver = "bench"
command = [{python}, "-m", "tests.bench.reader"]
options = {{ plan = {plan} }}

[[device]]
id = "gate-relay"
driver = "relay"
options = {{ port = {port}, outputs = 2, inputs = 2 }}

[[station]]
kind = "gate"
id = "museum-gate"
readers = ["gate-reader"]
relay = "gate-relay"
output = 0
pulse_ms = {pulse_ms}
category = "admission"
text = "Muzeja biļete"
price_cents = 250
"""
"""The demo's gate, with this bench's reader and without its passage sensor: so it is free again at once."""


class Samples(NamedTuple):
    """Milliseconds of one round."""

    tap: list[float]
    raw: list[float]
    relay: list[float]
    bare_relay: list[float]


def run(context: Context) -> list[Row]:
    # The centre's disk is another machine's: its writes must not stand in the way of the gateway's.
    shm = Path("/dev/shm")  # noqa: S108 (a folder of random name is made in it)
    memory = shm if shm.is_dir() else context.folder
    with Stage(context.folder) as stage, tempfile.TemporaryDirectory(dir=memory) as elsewhere:
        stage.prepare("--cards", str(CARDS))
        _configure(stage)
        stage.start_broker()
        centre = stage.start_centre(Path(elsewhere) / "centre.db")
        boards = [stage.start_relay(name) for name in BOARDS]
        gateway = Gateway(stage)
        gateway.start()
        gateway.wait_ready()
        with DriverProcess("drivers.relay", {"port": str(stage.devices / BOARDS[1]), **RELAY_OPTIONS}) as alone:
            alone.expect_state(DeviceState.READY)
            bench = _Bench(stage, gateway, alone, boards)
            bench.play(1, TAPS_QUICK)  # Warm: caches filled, every path taken once.
            rounds = []
            for number in context.rounds(ROUNDS):
                rounds.append(bench.play(number + 2, TAPS_QUICK if context.quick else TAPS))
                last = rounds[-1]
                context.say(
                    f"  round {number + 1}: {median(last.tap):.2f} ms (p99 {p99(last.tap):.2f}), raw commit "
                    f"{median(last.raw):.2f} ({p99(last.raw):.2f}), relay alone {median(last.relay):.2f}"
                )
        _check(gateway, centre, bench)
    return _rows(rounds)


def _rows(rounds: list[Samples]) -> list[Row]:
    tap = [each.tap for each in rounds]
    raw = [each.raw for each in rounds]
    relay = [each.relay for each in rounds]
    bare = [each.bare_relay for each in rounds]
    raw_p50, raw_p99 = (figure([ms for samples in raw for ms in samples]) for figure in (median, p99))
    return [
        compare(
            "tap", "p50_ms", "ms", tap, raw, median, Promise(raw_p50 + 5, f"<= raw p50 + 5 ms = {raw_p50 + 5:.2f}")
        ),
        compare(
            "tap",
            "p99_ms",
            "ms",
            tap,
            raw,
            p99,
            Promise(2 * raw_p99 + 5, f"<= 2 x raw p99 + 5 ms = {2 * raw_p99 + 5:.2f}"),
        ),
        compare("tap", "relay_ms", "ms", relay, bare, median),
        compare("tap", "relay_p99_ms", "ms", relay, bare, p99),
    ]


class _Bench:
    """The four that take turns."""

    def __init__(self, stage: Stage, gateway: Gateway, alone: DriverProcess, boards: list[Child]) -> None:
        self._gateway = gateway
        self._alone = alone
        self._boards = boards
        self._plan = stage.folder / "plan.json"
        self._cards: list[str] = json.loads((stage.folder / "bench-cards.json").read_bytes())
        self._random = random.Random(1)
        self._ledger = stage.state / "ledger.db"
        self._body_bytes = 700
        argv = python("tests.bench.baselines.raw_commit", str(stage.folder / "raw.db"))
        self._raw = stage.child("raw-commit", argv)
        argv = python("tests.bench.baselines.raw_pulse", str(stage.devices / BOARDS[2]))
        self._bare = stage.child("raw-pulse", argv)
        self.taps = 0

    def play(self, number: int, taps: int) -> Samples:
        """One round. Raises `BenchFailed` when a tap did not open, or anything opened without one."""
        began = [len(_opened(board)) for board in self._boards]
        at_ns = self._plan_moments(taps)
        others = {part: _between(at_ns, part) for part in (RAW_AT, ALONE_AT, BARE_AT)}
        write(self._plan, Plan(number, at_ns[:-1], self._random.choices(self._cards, k=taps)))
        with ThreadPoolExecutor(3) as pool:
            raw = pool.submit(
                self._raw.ask, "paced", 300.0, at_ns=others[RAW_AT], bytes=self._body_bytes + HEADER_BYTES
            )
            bare = pool.submit(self._bare.ask, "paced", 300.0, at_ns=others[BARE_AT])
            called = pool.submit(self._call_alone, others[ALONE_AT])
            sent = [self._emitted(number, taps), called.result(), bare.result()]
        opened = [_moments_of(board, start, taps) for board, start in zip(self._boards, began, strict=True)]
        self.taps += taps
        self._body_bytes = self._check_ledger()
        tap, relay, bare_relay = (_between_ms(by, to) for by, to in zip(sent, opened, strict=True))
        return Samples(tap, raw.result(), relay, bare_relay)

    def _plan_moments(self, taps: int) -> list[int]:
        """When to tap, and the end of the last gap."""
        moment = time.monotonic_ns() + 500_000_000
        moments = [moment]
        for _ in range(taps):
            moment += GAP_NS + self._random.randint(-JITTER_NS, JITTER_NS)
            moments.append(moment)
        return moments

    def _emitted(self, number: int, taps: int) -> list[int]:
        """When the reader wrote its lines."""

        def read() -> Notes:
            return msgspec.json.decode(notes_of(self._plan).read_bytes(), type=Notes)

        until(lambda: read().round == number, taps * 0.2 + 20, "the reader's notes")
        return read().emitted_ns

    def _call_alone(self, at_ns: list[int]) -> list[int]:
        """Call the relay driver that has no daemon; when each call was written."""
        written = []
        for moment in at_ns:
            time.sleep(max(0.0, (moment - time.monotonic_ns()) / 1e9))
            written.append(time.monotonic_ns())
            self._alone.call(Pulse(0, PULSE_MS))
            reply = self._alone.expect(Reply)
            require(reply.problem is None, f"the relay driver alone: {reply.problem}")
        return written

    def _check_ledger(self) -> int:
        """Each tap has its admission on disk, and its opening. Returns the admissions' median size."""
        wanted = {"admission": self.taps, "opened": self.taps}

        def kinds() -> dict[str, int]:
            return {kind: count for kind, count, _ in self._receipts()}

        until(lambda: kinds().get("opened", 0) >= self.taps, 10, f"{self.taps} openings on disk")
        found = {kind: kinds().get(kind, 0) for kind in wanted}
        require(found == wanted, f"in the ledger stand {found}, {wanted} were made")
        return next(size for kind, _, size in self._receipts() if kind == "admission")

    def _receipts(self) -> list[tuple[str, int, int]]:
        """Kind, number and mean size of the entries in the receipt stream."""
        db = sqlite3.connect(f"file:{self._ledger}?mode=ro", uri=True)
        try:
            return db.execute(
                "SELECT kind, count(*), CAST(avg(length(body)) AS INTEGER) FROM receipt GROUP BY kind"
            ).fetchall()
        finally:
            db.close()


def _configure(stage: Stage) -> None:
    """The demo's configuration up to its devices, then this bench's gate."""
    text = stage.config.read_text(encoding="utf-8")
    devices = DEVICES.format(
        python=json.dumps(sys.executable),
        plan=json.dumps(str(stage.folder / "plan.json")),
        port=json.dumps(str(stage.devices / BOARDS[0])),
        pulse_ms=PULSE_MS,
    )
    stage.config.write_text(text[: text.index("[[device]]")] + devices, encoding="utf-8")


def _check(gateway: Gateway, centre: Child, bench: _Bench) -> None:
    """The centre has them all too, and the gateway stops well."""
    until(lambda: sum(gateway.status()["sync"]["backlog"].values()) == 0, 30, "the centre's acks")
    entries: dict[str, int] = centre.ask("counts")["entries"]
    admissions = sum(count for name, count in entries.items() if name.endswith("/receipt/admission"))
    require(admissions == bench.taps > 0, f"the centre has {admissions} admissions of {bench.taps}")
    gateway.stop()


def _between(at_ns: list[int], part: float) -> list[int]:
    """One moment in each gap."""
    return [round(start + part * (end - start)) for start, end in itertools.pairwise(at_ns)]


def _opened(board: Child) -> list[int]:
    """When the board's pulses were asked for, so far."""
    return [event["mono_ns"] for event in list(board.events) if event["event"] == "opened"]


def _moments_of(board: Child, start: int, taps: int) -> list[int]:
    until(lambda: len(_opened(board)) >= start + taps, 10, f"{taps} pulses at {board.name}")
    moments = _opened(board)[start:]
    require(len(moments) == taps, f"{board.name} opened {len(moments)} times, not {taps}")
    return moments


def _between_ms(begun_ns: list[int], done_ns: list[int]) -> list[float]:
    taken = [(done - begun) / 1e6 for begun, done in zip(begun_ns, done_ns, strict=True)]
    require(all(0 < ms < GAP_NS / 1e6 for ms in taken), f"not in step: {min(taken)} to {max(taken)} ms")
    return taken
