"""Bench `idle`: memory and CPU of core and drivers while nobody taps, beside a bare process; drivers poll simulators.

PSS is told as on a box of its own (`machine.pss_mb`): a simulator that shares a library with a driver hides nothing.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping
from typing import NamedTuple

from tests.bench.context import Context
from tests.bench.frame import Promise, Row, compare, require
from tests.bench.machine import MB, ROOT, cpu_s, memory, pss_mb
from tests.bench.stage import Bare, Gateway, Stage

ROUNDS = 3
SETTLE_S, SETTLE_QUICK_S = 15.0, 4.0
WATCH_S, WATCH_QUICK_S = 30.0, 3.0
CORE = "core"
BARE = "bare"
CORE_PSS_MB, CORE_CPU = 45.0, 0.5
DRIVER_PSS_MB = {"nfc": 25.0, "camera": 90.0}
OTHER_DRIVER_PSS_MB = 15.0


class Seen(NamedTuple):
    """One round: percent of a core and MB by program. A driver that serves several devices has one of each."""

    cpu: Mapping[str, list[float]]
    pss: Mapping[str, list[float]]
    kernel_pss: float
    """Of the core, as the kernel tells it on this machine with all that runs here."""


def run(context: Context) -> list[Row]:
    rounds = []
    for number in context.rounds(ROUNDS):
        folder = context.folder / str(number)
        folder.mkdir()
        rounds.append(_watch(context, Stage(folder)))
        seen = rounds[-1]
        context.say(
            f"  round {number + 1}: core {seen.pss[CORE][0]:.1f} MB ({seen.kernel_pss:.1f} by the kernel), "
            f"{seen.cpu[CORE][0]:.2f} % CPU; bare {seen.pss[BARE][0]:.1f} MB, {seen.cpu[BARE][0]:.2f} %"
        )
    rows = []
    for program in sorted(set(rounds[0].pss) - {BARE}, key=lambda name: (name != CORE, name)):
        rows += _rows(program, rounds)
    return rows


def _rows(program: str, rounds: list[Seen]) -> list[Row]:
    pss_limit = CORE_PSS_MB if program == CORE else DRIVER_PSS_MB.get(program, OTHER_DRIVER_PSS_MB)
    cpu_limit = CORE_CPU if program == CORE else _cpu_bound(program)
    pss, cpu = Promise(pss_limit, f"<= {pss_limit:g} MB PSS"), Promise(cpu_limit, f"<= {cpu_limit:g} % CPU")
    bare = [seen.pss[BARE] for seen in rounds], [seen.cpu[BARE] for seen in rounds]
    return [
        compare("idle", f"{program}_pss_mb", "MB", [seen.pss[program] for seen in rounds], bare[0], promise=pss),
        compare("idle", f"{program}_cpu_percent", "%", [seen.cpu[program] for seen in rounds], bare[1], promise=cpu),
    ]


def _watch(context: Context, stage: Stage) -> Seen:
    with stage:
        stage.prepare()
        stage.start_broker()
        stage.start_simulators()
        stage.start_centre(stage.folder / "centre.db")
        gateway, bare = Gateway(stage), Bare(stage)
        gateway.start()
        bare.start()
        gateway.wait_ready()
        bare.wait_up()
        programs = {CORE: [gateway.pid], BARE: [bare.pid]}
        for device in gateway.devices():
            programs.setdefault(device["driver"], []).append(device["pid"])
        time.sleep(SETTLE_QUICK_S if context.quick else SETTLE_S)
        cpu = _cpu_percent(programs, WATCH_QUICK_S if context.quick else WATCH_S)
        _check(gateway, programs)
        return _seen(programs, cpu)


def _seen(programs: Mapping[str, list[int]], cpu: Mapping[str, list[float]]) -> Seen:
    """Memory of all, the baseline as if it stood in the core's place."""
    held = {name: [memory(pid) for pid in pids] for name, pids in programs.items()}
    drivers = [one for name, ones in held.items() if name not in (CORE, BARE) for one in ones]
    (core,), (bare,) = held[CORE], held[BARE]
    pss = {CORE: [pss_mb(core, drivers)], BARE: [pss_mb(bare, drivers)]}
    for name, ones in held.items():
        if name not in (CORE, BARE):
            pss[name] = [pss_mb(one, [core, *(other for other in drivers if other is not one)]) for one in ones]
    return Seen(cpu, pss, core.pss / MB)


def _cpu_percent(programs: Mapping[str, list[int]], seconds: float) -> dict[str, list[float]]:
    """Of one core, while nothing is asked of anyone."""
    began = time.monotonic()
    before = {pid: cpu_s(pid) for pids in programs.values() for pid in pids}
    time.sleep(seconds)
    after = {pid: cpu_s(pid) for pid in before}
    lasted = time.monotonic() - began
    return {name: [(after[pid] - before[pid]) / lasted * 100 for pid in pids] for name, pids in programs.items()}


def _check(gateway: Gateway, programs: Mapping[str, list[int]]) -> None:
    """It was idle and it was alive: the same drivers, all ready and proved so; connected; no tap."""
    devices, status = gateway.devices(), gateway.status()
    pids = {device["pid"] for device in devices}
    watched = {pid for name, pids in programs.items() if name not in (CORE, BARE) for pid in pids}
    require(pids == watched, "a driver was restarted meanwhile")
    for device in devices:
        fresh = device["health"] == "ready" and device["alive_age_ms"] is not None and device["alive_age_ms"] < 12_000
        require(fresh, f"{device['device']} was not polled: {device}")
    require(status["sync"]["connected"], f"not connected: {status['sync']}")
    last = status["ledger"]["last"]
    require(last["receipt"] == last["identification"] == 0, f"somebody tapped: {last}")
    require(last["telemetry"] > 0, "the core told nothing of itself")


def _cpu_bound(driver: str) -> float:
    """What the driver's own quality file allows it."""
    file = ROOT / "drivers" / driver / "quality.toml"
    return float(tomllib.loads(file.read_text(encoding="utf-8"))["cpu_percent_bound"])
