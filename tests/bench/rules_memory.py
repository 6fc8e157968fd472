"""What a rule document costs in memory, told by a process that does nothing else: bytes held, and the most meanwhile.

python -m tests.bench.rules_memory FILE
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from gateway.rules.index import compile, no_rules
from gateway.rules.read import load
from tests.bench.machine import memory


def main() -> None:
    no_rules()
    load(b'{"schema":1,"rules":[]}')
    before, peak = memory(os.getpid()).own, _peak()
    rules = compile(load(Path(sys.argv[1]).read_bytes()), 1)
    gc.collect()
    after = memory(os.getpid()).own
    sys.stdout.write(f"{after - before} {_peak() - peak}\n")
    assert len(rules)


def _peak() -> int:
    """Resident bytes at their highest (proc(5), status)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
