"""Bench `readers`: each driver that reports readings, from the thing presented at the simulated wire to the line of its
reading at the gateway's end; its CPU and memory while nothing is presented. Then the camera's code readers together.

No driver is named here: `simulate` of each one's simulator says how it is reached and what is presented.
"""

from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

from drivers.contract.core import DeviceState, Kind, Reading
from drivers.driver import Driver
from drivers.simulators.simulated import CannotSimulate, Simulated, simulation
from tests.bench import readers_codes
from tests.bench.context import Context
from tests.bench.frame import BenchFailed, Promise, Row, compare, require
from tests.bench.machine import ROOT, cpu_s, memory, pss_mb
from tests.support.driver_process import DriverProcess

ROUNDS = 3
READINGS, READINGS_QUICK = 6, 1
SETTLE_S, SETTLE_QUICK_S = 4.0, 0.1
WATCH_S, WATCH_QUICK_S = 10.0, 0.3
PATIENCE_S = 20.0
REPORTING = frozenset({Kind.READER, Kind.RELAY})
"""Kinds of devices that report readings: a relay board those of its inputs. The others are asked."""


class Seen(NamedTuple):
    """One round of one program: milliseconds, percent of a core, MB."""

    ms: list[float]
    cpu: float
    pss: float


class Bare:
    """The baseline's process."""

    def __init__(self) -> None:
        argv = [sys.executable, "-m", "tests.bench.baselines.bare_reader"]
        self.process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.present()

    def present(self) -> float:
        """Milliseconds until the reading."""
        stdin, stdout = _pipe(self.process.stdin), _pipe(self.process.stdout)
        began = time.monotonic_ns()
        stdin.write("PASS-42\n")
        stdin.flush()
        require(json.loads(stdout.readline())["t"] == "reading", "the bare reader reads nothing")
        return (time.monotonic_ns() - began) / 1e6

    def end(self) -> None:
        for pipe in (_pipe(self.process.stdin), _pipe(self.process.stdout)):
            pipe.close()
        self.process.wait()


class Rig:
    """A driver's process, ready, and its simulated other end."""

    def __init__(self, name: str, driver: DriverProcess, simulated: Simulated) -> None:
        self.name, self.driver, self._simulated = name, driver, simulated
        self._next = 0

    @property
    def pid(self) -> int:
        return self.driver.process.pid

    def present(self, chance: random.Random) -> float:
        """Play on to the next act that is read; milliseconds from it to its reading."""
        while True:
            act = self._simulated.acts[self._next % len(self._simulated.acts)]
            self._next += 1
            # Irregular: an exact period would meet a polling driver always at the same point of its round.
            time.sleep(self._simulated.settle_s + chance.random() * 0.3)
            began = time.monotonic_ns()
            act.do()
            if act.reads:
                self.driver.expect(Reading, PATIENCE_S)
                return (time.monotonic_ns() - began) / 1e6


def run(context: Context) -> list[Row]:
    bare = Bare()
    try:
        with ExitStack() as stack:
            rigs = [stack.enter_context(rig) for name in reporting() if (rig := _rig(context, name)) is not None]
            require(bool(rigs), "no driver could be run against its simulator")
            rounds = [_round(context, number, rigs, bare) for number in context.rounds(ROUNDS)]
            rows = [row for rig in rigs for row in _rows(rig.name, rounds)]
    finally:
        bare.end()
    return rows + readers_codes.run(context)


def reporting() -> list[str]:
    """The drivers that are there and report readings."""
    names = sorted(path.parent.name for path in (ROOT / "drivers").glob("*/driver.py"))
    return [name for name in names if _kind(name) in REPORTING]


def _kind(name: str) -> Kind:
    module = importlib.import_module(f"drivers.{name}.driver")
    found = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Driver)]
    return next(one.kind for one in found if one.__module__ == module.__name__)


def _rig(context: Context, name: str) -> Prepared | None:
    """None, and a word, where this machine cannot simulate it."""
    try:
        return Prepared(name)
    except CannotSimulate as error:
        context.say(f"  {name}: left out: {error}")
        return None


class Prepared:
    """A rig for the length of a `with` block. Raises `CannotSimulate` at once."""

    def __init__(self, name: str) -> None:
        self._stack = ExitStack()
        with ExitStack() as begun:
            # Short: a unix socket's whole path has 107 bytes.
            folder = Path(begun.enter_context(tempfile.TemporaryDirectory(prefix="spb-")))
            simulated = begun.enter_context(simulation(name)(folder))
            env = [f"{key}={value}" for key, value in simulated.env.items()]
            argv = ["env", *env, sys.executable, "-m", f"drivers.{name}"]
            driver = begun.enter_context(DriverProcess(f"drivers.{name}", dict(simulated.options), argv))
            driver.expect_state(DeviceState.READY, PATIENCE_S)
            self._rig = Rig(name, driver, simulated)
            self._stack = begun.pop_all()

    def __enter__(self) -> Rig:
        return self._rig

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()


def _round(context: Context, number: int, rigs: Sequence[Rig], bare: Bare) -> dict[str, list[Seen]]:
    """Of each driver, and beside it of the bare process."""
    time.sleep(SETTLE_QUICK_S if context.quick else SETTLE_S)
    pids = {rig.name: rig.pid for rig in rigs}
    cpu = _cpu({**pids, "bare": bare.process.pid}, WATCH_QUICK_S if context.quick else WATCH_S)
    plain = memory(bare.process.pid)
    chance = random.Random(number)
    seen = {}
    for rig in rigs:
        held = memory(rig.pid)
        ms, beside = [], []
        for _ in range(READINGS_QUICK if context.quick else READINGS):
            ms.append(rig.present(chance))
            beside.append(bare.present())
        seen[rig.name] = [
            Seen(ms, cpu[rig.name], pss_mb(held, [plain])),
            Seen(beside, cpu["bare"], pss_mb(plain, [held])),
        ]
        context.say(
            f"  round {number + 1}: {rig.name} {sorted(ms)[len(ms) // 2]:.1f} ms, {cpu[rig.name]:.2f} % CPU, "
            f"{seen[rig.name][0].pss:.1f} MB"
        )
    return seen


def _cpu(pids: dict[str, int], seconds: float) -> dict[str, float]:
    began, before = time.monotonic(), {name: cpu_s(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    lasted = time.monotonic() - began
    return {name: (cpu_s(pid) - before[name]) / lasted * 100 for name, pid in pids.items()}


def _rows(name: str, rounds: Sequence[dict[str, list[Seen]]]) -> Iterator[Row]:
    ours, bare = ([seen[name][at] for seen in rounds] for at in (0, 1))
    quality = tomllib.loads((ROOT / "drivers" / name / "quality.toml").read_text(encoding="utf-8"))
    cpu, pss = quality["cpu_percent_bound"], quality["pss_mb_bound"]
    yield compare("readers", f"{name}_p50_ms", "ms", [one.ms for one in ours], [one.ms for one in bare])
    yield compare(
        "readers",
        f"{name}_cpu_percent",
        "%",
        [[one.cpu] for one in ours],
        [[one.cpu] for one in bare],
        promise=Promise(cpu, f"<= {cpu:g} % CPU"),
    )
    yield compare(
        "readers",
        f"{name}_pss_mb",
        "MB",
        [[one.pss] for one in ours],
        [[one.pss] for one in bare],
        promise=Promise(pss, f"<= {pss:g} MB PSS"),
    )


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise BenchFailed("the bare reader has no pipes")
    return pipe
