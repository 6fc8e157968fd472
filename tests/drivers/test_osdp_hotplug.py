"""An RS-485 adapter that is plugged in elsewhere: the osdp driver finds its bus again by a name that stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.contract.core import DeviceState
from drivers.simulators.osdp import OsdpReaders
from tests.drivers.test_osdp import KEY, card_is_read, code_of, key_file, options
from tests.support.driver_process import DriverProcess

pytest.importorskip("osdp")


def test_a_name_that_stays_is_followed_to_whatever_port_the_adapter_is_at_now(tmp_path: Path) -> None:
    """As udev does it with /dev/serial/by-id: the link goes with the adapter, and comes back at another port."""
    key_file(tmp_path)
    buses = [OsdpReaders(tmp_path / f"port{number}", [(0, KEY)]) for number in (0, 1)]
    for bus in buses:
        bus.start()
    link = tmp_path / "bus"
    link.symlink_to(tmp_path / "port0")
    try:
        with DriverProcess("drivers.osdp", options(tmp_path)) as driver:
            driver.expect_state(DeviceState.READY)
            card_is_read(buses[0], driver, 0)
            link.unlink()
            buses[0].unplug()
            assert code_of(driver) == "unplugged"
            link.symlink_to(tmp_path / "port1")
            driver.expect_state(DeviceState.READY)
            card_is_read(buses[1], driver, 0)
    finally:
        for bus in buses:
            bus.stop()
