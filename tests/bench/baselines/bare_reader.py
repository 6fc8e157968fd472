"""Baseline of `readers`: the least that a reader in Python can be. A line in on stdin is the thing presented, a line
out is its reading; in between nothing is polled, checked or decoded.

    python -m tests.bench.baselines.bare_reader
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    for line in sys.stdin:
        reading = {"t": "reading", "mono_ns": time.monotonic_ns(), "body": {"reading": "code", "data": line.strip()}}
        sys.stdout.write(json.dumps(reading) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
