"""Bench `cli`: CPU time of `smartplace status` against a running daemon, beside Python importing click."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.context import Context
from tests.bench.frame import Promise, Row, compare, require
from tests.bench.machine import run_cpu_s
from tests.bench.stage import Gateway, Stage


def run(context: Context) -> list[Row]:
    with Stage(context.folder) as stage:
        stage.prepare()
        stage.start_broker()
        stage.start_simulators()
        stage.start_centre(stage.folder / "centre.db")
        gateway = Gateway(stage)
        gateway.start()
        gateway.wait_ready()
        argv = [*smartplace(), "status", "--config", str(stage.config)]
        click = [sys.executable, "-c", "import click"]
        _measure(argv)  # The first one may have to compile.
        ours, baseline = [], []
        for _ in context.rounds(3):
            ours.append([_measure(argv) for _ in range(3 if context.quick else 7)])
            baseline.append([run_cpu_s(click)[0] * 1000 for _ in ours[-1]])
    promise = Promise(150.0, "<= 150 ms CPU")
    return [
        compare("cli", "status_cpu_ms", "ms", ours, baseline, promise=promise),
        compare("cli", "status_cpu_min_ms", "ms", ours, baseline, min, promise=promise),
    ]


def smartplace() -> list[str]:
    """The installed command, or the module where it is not installed."""
    program = Path(sys.executable).with_name("smartplace")
    return [str(program)] if program.exists() else [sys.executable, "-m", "gateway.cli"]


def _measure(argv: list[str]) -> float:
    cpu_s, said = run_cpu_s(argv)
    require("museum-gate" in said and "gate-relay" in said, f"status does not tell: {said[-500:]}")
    return cpu_s * 1000
