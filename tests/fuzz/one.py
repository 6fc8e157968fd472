"""One target under atheris (libFuzzer): `python -m tests.fuzz.one NAME [libFuzzer's options] CORPUS…`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["gateway", "drivers"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.take)
    atheris.Fuzz()
