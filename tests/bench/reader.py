"""A reader without a reader: a driver that emits card readings by a plan, for `tests.bench.tap`.

The daemon runs it as any foreign driver (`command`). A plan is a file `{"round", "at_ns", "uids"}`; when a new one
stands there its cards are emitted at these monotonic moments, and the moment just before each line was written
is noted in a file beside it, `{"round", "emitted_ns"}`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

import msgspec

from drivers.contract.core import Kind
from drivers.contract.reader import Card
from drivers.driver import Driver, Port
from drivers.runner import run

LOOK_S = 0.05


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    plan: str


class Plan(msgspec.Struct, frozen=True):
    """One round's readings, rounds counted from 1. `uids` in hex."""

    round: int
    at_ns: list[int]
    uids: list[str]


class Notes(msgspec.Struct, frozen=True):
    """When each reading of a round was emitted."""

    round: int
    emitted_ns: list[int]


def notes_of(plan: Path) -> Path:
    return plan.with_suffix(".notes")


def write(path: Path, what: Plan | Notes) -> None:
    """Whole or not at all: the other end looks at any moment."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(msgspec.json.encode(what))
    new.replace(path)


class BenchReader(Driver[Options]):
    name: ClassVar[str] = "bench"
    kind: ClassVar[Kind] = Kind.READER
    options_type: ClassVar[type[msgspec.Struct]] = Options

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._round = 0

    def open(self, options: Options) -> dict[str, str]:
        self._plan = Path(options.plan)
        return {}

    def poll(self) -> float:
        self.alive()
        try:
            plan = msgspec.json.decode(self._plan.read_bytes(), type=Plan)
        except FileNotFoundError:
            return LOOK_S
        if plan.round != self._round:
            self._round = plan.round
            write(notes_of(self._plan), Notes(plan.round, self._emit(plan)))
        return LOOK_S

    def _emit(self, plan: Plan) -> list[int]:
        emitted = []
        for moment, uid in zip(plan.at_ns, plan.uids, strict=True):
            time.sleep(max(0.0, (moment - time.monotonic_ns()) / 1e9))
            now_ns = time.monotonic_ns()
            self.reading(Card(bytes.fromhex(uid)), now_ns)
            emitted.append(now_ns)
            self.alive()
        return emitted

    def close(self) -> None:
        """Nothing is open."""


if __name__ == "__main__":
    run(BenchReader)
