"""`python -m tests.fuzz [NAME…] [--seconds N]`: each target for so long, two side by side.

Ends with 1 when one crashed, took too long or too much memory; the input that did it is kept, and named.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.targets import MAX_BYTES, TARGETS, Target

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 10
"""For one input, of a tenth of a second at most: machines are shared, and instrumented code is slow."""
MEMORY_MB = 512
STOP_S = 60
"""After its time a run has so long to end."""

_runs = re.compile(rb"Done (\d+) runs in (\d+) second")
_covered = re.compile(rb"cov: (\d+)")


class Found(NamedTuple):
    """What came of one target. `culprit`: the inputs that broke it."""

    name: str
    runs: int
    covered: int
    culprits: tuple[Path, ...]
    ended: int
    said: str

    @property
    def well(self) -> bool:
        """It ran to its end, did look into the code, and nothing broke."""
        return not self.ended and not self.culprits and self.runs > 0 and self.covered > 0


def fuzz(target: Target, seconds: int, kept: Path) -> Found:
    """Fuzz one target, with the inputs that earlier runs found worth keeping."""
    corpus, broken = kept / target.name, kept / "broken"
    for folder in (corpus, broken):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as examples:
        for number, seed in enumerate(target.seeds):
            (Path(examples) / f"seed{number}").write_bytes(seed)
        prefix = broken / f"{target.name}-"
        before = set(broken.glob(f"{target.name}-*"))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.one", target.name),
                *(f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", f"-artifact_prefix={prefix}"),
                *(f"-timeout={TIMEOUT_S}", f"-rss_limit_mb={MEMORY_MB}", "-use_value_profile=1"),
                *(str(corpus), examples),
            ],
            cwd=ROOT,
            capture_output=True,
            timeout=seconds + STOP_S,
            check=False,
        )
    runs, covered = _runs.search(done.stderr), _covered.findall(done.stderr)
    return Found(
        target.name,
        int(runs[1]) if runs else 0,
        int(covered[-1]) if covered else 0,
        tuple(sorted(set(broken.glob(f"{target.name}-*")) - before)),
        done.returncode,
        done.stderr.decode(errors="replace"),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Fuzz the parsers that strangers' bytes reach.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=30, help="for each (30)")
    parser.add_argument("--kept", type=Path, default=ROOT / ".fuzz", help="folder of what earlier runs have found")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]!r}; there are {', '.join(TARGETS)}")
    chosen = [TARGETS[name] for name in given.names or TARGETS]
    kept = given.kept.absolute()
    with ThreadPoolExecutor(2) as pool:
        worst = 0
        for found in pool.map(lambda target: fuzz(target, given.seconds, kept), chosen):
            print(f"{found.name:12} {found.runs:>10,} inputs, {found.covered:>5} places reached", flush=True)
            if not found.well:
                worst = 1
                print(found.said[-2000:], file=sys.stderr)
                for culprit in found.culprits:
                    print(f"  broken by {culprit}", file=sys.stderr)
    return worst


if __name__ == "__main__":
    sys.exit(main())
