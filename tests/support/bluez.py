"""A BlueZ of its own for a test: the simulator on a private bus, where the programs for it are there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.simulators.ble import Ble
from tests.support.programs import require_program


@contextmanager
def bluez(*, monitors: bool = True, shut: bool = False) -> Iterator[Ble]:
    require_program("dbus-daemon", "dbus")
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:  # A socket's path has 107 bytes.
        simulator = Ble(Path(folder), monitors=monitors, shut=shut)
        simulator.start()
        try:
            yield simulator
        finally:
            simulator.stop()
