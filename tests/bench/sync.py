"""Bench `sync`: entries per second that 64 producers get stored, drained to the broker and acked by the centre.

Beside it in turns, on the same broker: the good baseline, which stores, publishes and deletes after PUBACK, and has no
centre; and paho-mqtt that publishes from memory. Each is a process of its own, as is the centre.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any, NamedTuple

import msgspec

from gateway.centre.sign import generate_key
from gateway.cli.demo.children import Child, python
from gateway.cli.demo.ports import free_port
from tests.bench.context import Context
from tests.bench.frame import BenchFailed, Promise, Row, compare, require
from tests.bench.stage import UP_S, listens, until
from tests.bench.sync_end import BODY_BYTES, CITY, PRODUCERS

ROUNDS = 5
ENTRIES, ENTRIES_QUICK = 19_200, 1280
TIMES = 2.0
LIMIT_S = 300.0


class Ran(NamedTuple):
    """One program's run: entries a second, and its own CPU time per entry."""

    per_s: float
    cpu_us: float


def run(context: Context) -> list[Row]:
    entries = ENTRIES_QUICK if context.quick else ENTRIES
    port = free_port()
    broker, centre = _broker(context, port), _centre(context, port)
    broker.start()
    try:
        until(lambda: listens(port), UP_S, "the broker")
        centre.start()
        ours, baseline, bare = [], [], []
        for number in context.rounds(ROUNDS):
            ours.append(_ours(context, port, number, entries))
            baseline.append(_baseline(context, port, number, entries))
            bare.append(_run(entries, "tests.bench.baselines.raw_paho", str(port), str(entries), str(BODY_BYTES)))
            context.say(
                f"  round {number + 1}: {ours[-1].per_s:,.0f}/s stored and acked with {ours[-1].cpu_us:.0f} us of CPU, "
                f"baseline {baseline[-1].per_s:,.0f}/s with {baseline[-1].cpu_us:.0f} us, "
                f"paho from memory {bare[-1].per_s:,.0f}/s with {bare[-1].cpu_us:.0f} us"
            )
        _check(centre, len(ours), entries)
    finally:
        for child in (centre, broker):
            if child.alive:
                child.stop()
    row = compare("sync", "end_to_end", "1/s", _rates(ours), _rates(baseline))
    promise = Promise(TIMES * (row.figure.baseline or 0.0), f">= {TIMES:g} x baseline", at_least=True)
    return [
        msgspec.structs.replace(row, promise=promise),
        compare("sync", "end_to_end_vs_paho", "1/s", _rates(ours), _rates(bare)),
        compare("sync", "cpu_us_per_entry", "us", [[r.cpu_us] for r in ours], [[r.cpu_us] for r in baseline]),
    ]


def _rates(rounds: list[Ran]) -> list[list[float]]:
    return [[ran.per_s] for ran in rounds]


def _broker(context: Context, port: int) -> Child:
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if path is None:
        raise BenchFailed("mosquitto is not there: apt install mosquitto")
    config = context.folder / "mosquitto.conf"
    # Its own limits out of the way of all three alike.
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "persistence false", "max_inflight_messages 2000"]
    config.write_text("\n".join([*lines, "max_queued_messages 0", "set_tcp_nodelay true"]) + "\n", encoding="utf-8")
    return Child("broker", [path, "-c", str(config)], context.folder / "broker.log", steered=False)


def _centre(context: Context, port: int) -> Child:
    key = context.folder / "city.pub"
    key.write_text(generate_key(context.folder / "city.key"), encoding="ascii")
    flags = ["--city", CITY, "--store", str(context.folder / "centre.db"), "--key", str(key), "--port", str(port)]
    return Child("centre", python("gateway.centre", *flags), context.folder / "centre.log")


def _ours(context: Context, port: int, number: int, entries: int) -> Ran:
    folder = context.folder / str(number)
    folder.mkdir()
    return _run(entries, "tests.bench.sync_end", str(folder), str(port), _gateway(number), str(entries))


def _baseline(context: Context, port: int, number: int, entries: int) -> Ran:
    file = str(context.folder / f"outbox-{number}.db")
    return _run(entries, "tests.bench.baselines.end_to_end", file, str(port), str(entries), str(PRODUCERS))


def _run(entries: int, module: str, *arguments: str) -> Ran:
    """One program's run. Raises `BenchFailed`."""
    done = subprocess.run(python(module, *arguments), capture_output=True, text=True, check=False, timeout=LIMIT_S)
    require(done.returncode == 0, f"{module} ended with {done.returncode}: {done.stderr[-1000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    require(told.get("events", entries) == entries, f"{module} did {told}, not {entries}")
    return Ran(entries / float(told["seconds"]), float(told["cpu_s"]) / entries * 1e6)


def _check(centre: Child, rounds: int, entries: int) -> None:
    """Everything is at the centre, once, and it has nothing to say against any of it."""
    counts = centre.ask("counts")
    for number in range(rounds):
        there = counts["entries"].get(f"{_gateway(number)}/receipt/receipt", 0)
        require(there == entries, f"the centre has {there} entries of {_gateway(number)}, {entries} were acked")
    for wrong in ("gaps", "conflicts", "refused", "alarms"):
        require(counts[wrong] == 0, f"the centre tells of {counts[wrong]} {wrong}")


def _gateway(number: int) -> str:
    return f"bench-{number}"
