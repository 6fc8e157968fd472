"""`python -m tests.faults [--quick|--long] [NAME ...]`: breaks the gateway in every way that is known here, all by
default, and counts from outside. One line per fault to stdout as it ends, progress to stderr, faults.json into the
working directory.

Exit code 1 when anything was lost or done twice without being explained, when a fault did not really strike, or when
a row broke down; under CI=true also when a row was left out.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.__main__ import compile_all
from tests.faults.frame import HEAD, Fault, Scale, Shown, exit_code, line, write_json
from tests.faults.needs import missing
from tests.faults.rows import FAULTS
from tests.faults.runner import run


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"from {', '.join(FAULTS)}")
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--quick", action="store_const", dest="scale", const=Scale.QUICK, help="a few rounds of each")
    scale.add_argument("--long", action="store_const", dest="scale", const=Scale.LONG, help="500 kills, 200 cuts")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="for the moments of faults")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/var/tmp"),  # noqa: S108 (a folder of random name is made in it)
        help="where to work (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, default=Path("faults.json"), help="(default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="folder for what is left of rows that are not passed")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in FAULTS]:
        parser.error(f"there is no fault {unknown[0]!r}; there are {', '.join(FAULTS)}")
    # What was mounted and started is undone then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    compile_all()
    say(f"seed {given.seed}")
    sys.stdout.write(HEAD + "\n")
    rows, left_out = play(
        [FAULTS[name] for name in given.names or FAULTS],
        given.folder,
        given.scale or Scale.ORDINARY,
        given.seed,
        given.keep,
    )
    write_json(rows, given.json)
    for name, why in left_out.items():
        sys.stdout.write(f"left out: {name}: {why}\n")
    return exit_code(rows, left_out, all_or_nothing=os.environ.get("CI") == "true")


def play(
    faults: Sequence[Fault], folder: Path, scale: Scale, seed: int, keep: Path | None
) -> tuple[list[Shown], dict[str, str]]:
    """Run them one after the other. Returns the rows and why others were left out."""
    rows: list[Shown] = []
    left_out: dict[str, str] = {}
    for fault in faults:
        if why := missing(fault):
            left_out[fault.name] = why
            continue
        say(f"{fault.name}: {fault.says} ...")
        rows.append(run(fault, folder, scale, random.Random(f"{seed} {fault.name}"), say, keep=keep))
        sys.stdout.write(line(rows[-1]) + "\n")
        sys.stdout.flush()
    return rows, left_out


def say(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
