"""A real pcscd with a virtual reader, for tests; without its packages they are skipped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.simulators.pcscd import DAEMON, Pcscd
from drivers.simulators.pcscd_inside import DRIVER
from tests.support.programs import require_file, require_module, require_program

__all__ = ["Pcscd", "pcscd", "require_pcscd"]


def require_pcscd() -> None:
    require_file(DAEMON, "pcscd")
    require_program("unshare", "util-linux")
    require_module("smartcard", "gcc swig libpcsclite-dev")
    require_file(DRIVER, "vsmartcard-vpcd")


@contextmanager
def pcscd() -> Iterator[Pcscd]:
    require_pcscd()
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:  # A socket's path has 107 bytes.
        running = Pcscd(Path(folder))
        try:
            running.start()
            yield running
        finally:
            running.end()
