"""`python -m tests.bench [NAME ...]`: runs benches, all by default. Table to stdout, progress to stderr, bench.json
into the working directory. Exit code 1 when a bench could not do its work; a missed promise is shown, no more."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import frame, machine
from tests.bench.context import Context
from tests.bench.machine import ROOT

BENCHES = (
    *(
        "tap",
        "ledger",
        "wear",
        "sync",
        "intake",
        "quota",
        "start",
        "idle",
        "stop",
        "cli",
        "rules",
        "identity",
        "readers",
        "till",
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"from {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="one short round each: shows that it works, no more")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/var/tmp"),  # noqa: S108 (a folder of random name is made in it; /tmp may be memory)
        help="where to work; must be a real disk (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in BENCHES]:
        parser.error(f"there is no bench {unknown[0]!r}; there are {', '.join(BENCHES)}")
    compile_all()
    rows: list[frame.Row] = []
    failed = False
    about = machine.describe(given.folder)
    say(about)
    for name in given.names or BENCHES:
        say(f"{name} ...")
        try:
            rows += run(name, given.folder, quick=given.quick)
        except (frame.BenchFailed, OSError) as error:
            failed = True
            say(f"{name} FAILED: {error}")
    frame.write_json(rows, Path("bench.json"))
    sys.stdout.write(f"{about}\n{frame.table(rows)}\n")
    return 1 if failed else 0


def run(name: str, folder: Path, *, quick: bool) -> list[frame.Row]:
    """One bench in a folder of its own. Raises `BenchFailed` or `OSError`."""
    # Short: a unix socket's whole path has 107 bytes.
    with tempfile.TemporaryDirectory(prefix="spb-", dir=folder) as own:
        bench = importlib.import_module(f"tests.bench.{name}")
        rows: list[frame.Row] = bench.run(Context(Path(own), quick=quick, say=say))
        return rows


def compile_all() -> None:
    """As an installation does: else every start of ours would compile the project, and keep the memory of it."""
    argv = [
        sys.executable,
        "-m",
        "compileall",
        "-q",
        *(str(ROOT / part) for part in ("gateway", "drivers", "tests/bench")),
    ]
    subprocess.run(argv, check=True)


def say(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
