"""Runs one fault in a folder of its own, and tells what came of it, whatever came."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from gateway.cli.demo.children import ChildFailed
from gateway.cli.demo.rig import Failed
from gateway.model.errors import GatewayError
from tests.faults.frame import Context, Fault, FaultFailed, Scale, Shown, Tally, prefix

BROKEN = (
    FaultFailed,
    Failed,
    ChildFailed,
    GatewayError,
    OSError,
    sqlite3.Error,
    subprocess.SubprocessError,
    AssertionError,
)
"""How a row breaks down: its own word, a part that does not start or answer, the system's."""


def run(
    fault: Fault,
    folder: Path,
    scale: Scale,
    chance: random.Random,
    say: Callable[[str], None],
    program: tuple[str, ...] = (),
    keep: Path | None = None,
) -> Shown:
    """Never raises one of `BROKEN`: a row that broke down is one that is not passed. Of such a row the folder's files
    are kept in `keep`: logs, notes, the centre's store, the gateway's state."""
    began = time.monotonic()
    tally: Tally | None = None
    problem = ""
    # Short: a unix socket's whole path has 107 bytes.
    with tempfile.TemporaryDirectory(prefix=prefix(), dir=folder, ignore_cleanup_errors=True) as own:
        try:
            assert fault.run is not None
            tally = fault.run(Context(Path(own), scale, chance, say, program))
        except BROKEN as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            problem = f"NOT PASSED: {str(error).strip() or f'{type(error).__name__}: {last.line}'} ({where})"
        shown = Shown(fault.name, time.monotonic() - began, tally, problem)
        if keep is not None and not shown.good:
            shutil.copytree(own, keep / fault.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
    return shown
