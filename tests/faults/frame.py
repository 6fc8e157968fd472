"""What every fault has in common: what it needs, what it is given, what it tells, and how that is shown."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class FaultFailed(Exception):
    """A row could not do its work, or the gateway did not come through it."""


class Scale(StrEnum):
    """How long it may take: shown to work, an ordinary run, a proof."""

    QUICK = "quick"
    ORDINARY = "ordinary"
    LONG = "long"


class Context(NamedTuple):
    """An empty folder that is gone afterwards; `say` tells of progress; `program` (a Python file and its arguments)
    runs in the gateway's place."""

    folder: Path
    scale: Scale
    chance: random.Random
    say: Callable[[str], None]
    program: tuple[str, ...] = ()

    def rounds(self, quick: int, ordinary: int, long: int) -> int:
        return {Scale.QUICK: quick, Scale.ORDINARY: ordinary, Scale.LONG: long}[self.scale]

    def pause(self, least_s: float, most_s: float) -> None:
        """Let the load run until a random moment: when a fault strikes must not be in step with anything."""
        time.sleep(self.chance.uniform(least_s, most_s))


class Tally(NamedTuple):
    """What was counted. `lost` and `duplicates` are a sentence each; `missed` says what of the fault did not strike."""

    rounds: int
    told: int
    lost: tuple[str, ...]
    duplicates: tuple[str, ...]
    suppressed: int
    missed: tuple[str, ...] = ()
    note: str = ""
    """What shows that it struck."""

    @property
    def good(self) -> bool:
        return not (self.lost or self.duplicates or self.missed)


class Fault(NamedTuple):
    """One row. `needs` are asked before it runs: `root`, or programs with their Debian packages."""

    name: str
    says: str
    run: Callable[[Context], Tally] | None
    needs: tuple[str, ...] = ()


class Shown(NamedTuple):
    """A row that was run: its tally, or why there is none."""

    fault: str
    seconds: float
    tally: Tally | None
    problem: str = ""

    @property
    def good(self) -> bool:
        return self.tally is not None and self.tally.good


def exit_code(rows: Sequence[Shown], left_out: Mapping[str, str], *, all_or_nothing: bool) -> int:
    """1 when a row is not good or none was run; with `all_or_nothing` (CI) also when one was left out."""
    bad = not rows or not all(shown.good for shown in rows)
    return 1 if bad or (all_or_nothing and left_out) else 0


HEAD = f"{'fault':<18} {'rounds':>6} {'told':>7} {'lost':>5} {'doubles':>7} {'suppressed':>10} {'s':>6}  "
"""`doubles` are the unexplained ones; those that the centre knew and did not store again are suppressed."""


def line(shown: Shown) -> str:
    """One line of the table, and below it each sentence of a row that is not good."""
    tally = shown.tally
    if tally is None:
        return f"{shown.fault:<18} {'-':>6} {'-':>7} {'-':>5} {'-':>7} {'-':>10} {shown.seconds:>6.1f}  {shown.problem}"
    figures = (
        f"{shown.fault:<18} {tally.rounds:>6} {tally.told:>7} {len(tally.lost):>5} {len(tally.duplicates):>7} "
        f"{tally.suppressed:>10} {shown.seconds:>6.1f}  {'ok' if tally.good else 'NOT PASSED'}: {tally.note}"
    )
    sentences = [
        *(f"lost: {said}" for said in tally.lost[:10]),
        *(f"twice: {said}" for said in tally.duplicates[:10]),
        *(f"did not strike: {said}" for said in tally.missed),
    ]
    return "\n".join([figures, *(f"    {said}" for said in sentences)])


def write_json(rows: Sequence[Shown], path: Path) -> None:
    """faults.json. A row that broke down has null for its figures: nobody may take them for 0."""
    told = []
    for shown in rows:
        tally = shown.tally
        told.append(
            {
                "fault": shown.fault,
                "rounds": tally.rounds if tally else None,
                "told": tally.told if tally else None,
                "lost": len(tally.lost) if tally else None,
                "duplicates_unexplained": len(tally.duplicates) if tally else None,
                "duplicates_suppressed": tally.suppressed if tally else None,
                "seconds": round(shown.seconds, 1),
            }
        )
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def prefix() -> str:
    """How the folders of this process's rows begin: what is left of them can be found by it."""
    return f"spf-{os.getpid()}-"


def require(right: bool, what: str) -> None:
    """Raise `FaultFailed` with `what` when it is not right."""
    if not right:
        raise FaultFailed(what)
