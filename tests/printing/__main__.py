"""`python -m tests.printing`: faults at every step of every work of every family; what came of it, as a table.

python -m tests.printing                 every third of the systematic runs, random ones, and 300 with processes
python -m tests.printing --all           all of the systematic runs
python -m tests.printing --case JSON     one run, step by step
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

import msgspec

from tests.printing import processes
from tests.printing.cases import Case
from tests.printing.enumerated import FAMILIES, everything_of, sampled
from tests.printing.run import run
from tests.printing.seams import seams
from tests.printing.several import several
from tests.printing.tally import Tally
from tests.printing.trace import trace
from tests.printing.works import WORKS

SHARE = 3
PROCESSES = 76
"""Of each family: more than 300."""
SEVERAL = 1500
"""Of each family."""


def merged(tallies: Iterable[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.merge(tally)
    return whole


def counted(cases: Iterable[Case]) -> Tally:
    tally = Tally()
    for case in cases:
        tally.add(case, run(case))
    return tally


def _systematic(family: str, work: str, every: int) -> Tally:
    return counted(everything_of(family, work, every))


def _seams(family: str, every: int) -> Tally:
    return counted(sampled(seams(family), every, family))


def _several(family: str, number: int, seed: int) -> Tally:
    return counted(several(family, number, seed))


def _told(what: str, tally: Tally, begun: float) -> int:
    print(f"{tally.total:,} runs {what}, {time.monotonic() - begun:.0f} s\n\n{tally.table()}\n")
    if whys := tally.whys():
        print(f"unknown, and why:\n{whys}\n")
    if failures := tally.failures():
        print(f"FAILED\n{failures}\n")
    sys.stdout.flush()
    return int(bool(failures))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.printing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--every", type=int, default=SHARE, help="a share of the systematic runs: every third, ...")
    parser.add_argument("--case")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="runs of each family with real processes")
    parser.add_argument("--seed", type=int, default=1, help="of the runs with several faults")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if options.case:
        print("\n".join(trace(msgspec.json.decode(options.case, type=Case))))
        return 0
    begun, every = time.monotonic(), 1 if options.all else options.every
    with ProcessPoolExecutor(options.jobs) as pool:
        real = [pool.submit(processes.counted, family, options.processes) for family in FAMILIES if options.processes]
        alone = [pool.submit(_systematic, family, work, every) for family in FAMILIES for work in WORKS]
        beside = [pool.submit(_seams, family, every) for family in FAMILIES]
        by_chance = [pool.submit(_several, family, SEVERAL, options.seed) for family in FAMILIES]
        failed = 0
        if real:
            killed = sum(done.result()[1] for done in real)
            what = f"with real processes on a pty, {killed} killed by kill -9"
            failed += _told(what, merged(done.result()[0] for done in real), begun)
        failed += _told("on a virtual clock", merged(done.result() for done in alone), begun)
        failed += _told("of two works, or with people at the printer", merged(done.result() for done in beside), begun)
        what = f"with several faults at once (--seed {options.seed})"
        failed += _told(what, merged(done.result() for done in by_chance), begun)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
