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

from tests.printing.cases import Case
from tests.printing.enumerated import FAMILIES, everything_of
from tests.printing.run import run
from tests.printing.tally import Tally
from tests.printing.trace import trace
from tests.printing.works import WORKS

SHARE = 3


def counted(cases: Iterable[Case]) -> Tally:
    tally = Tally()
    for case in cases:
        tally.add(case, run(case))
    return tally


def _systematic(family: str, work: str, every: int) -> Tally:
    return counted(everything_of(family, work, every))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.printing", description=__doc__)
    parser.add_argument("--all", action="store_true", help="all systematic runs, not every third")
    parser.add_argument("--case", help="one run, told step by step")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if options.case:
        print("\n".join(trace(msgspec.json.decode(options.case, type=Case))))
        return 0
    begun, total = time.monotonic(), Tally()
    with ProcessPoolExecutor(options.jobs) as pool:
        every = 1 if options.all else SHARE
        waiting = [pool.submit(_systematic, family, work, every) for family in FAMILIES for work in WORKS]
        for done in waiting:
            total.merge(done.result())
    print(f"{total.total:,} runs on a virtual clock in {time.monotonic() - begun:.0f} s\n")
    print(total.table(), total.whys(), sep="\n\nunknown, and why:\n")
    if failures := total.failures():
        print("\nFAILED", failures, sep="\n")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
