"""`smartplace doctor` and devices on USB, in folders like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.checks import port_checks
from gateway.cli.finding import Check, Level
from gateway.cli.usb_checks import usb_check
from gateway.config.load import load
from tests.cli.conftest import write_config

SONY = "usb:054c:06c3"


class Bus:
    """/sys/bus/usb/devices and /dev/bus/usb, made by hand."""

    def __init__(self, folder: Path) -> None:
        self.devices, self.nodes, self._drivers = folder / "devices", folder / "nodes", folder / "drivers"
        self._address = 0

    def plug(self, socket: str, serial: str, vendor: str = "054c", product: str = "06c3", driver: str = "") -> None:
        self._address += 1
        device, interface = self.devices / socket, self.devices / f"{socket}:1.0"
        for folder in (device, interface, self.nodes / "001"):
            folder.mkdir(parents=True, exist_ok=True)
        said = {"idVendor": vendor, "idProduct": product, "serial": serial, "busnum": "1", "devnum": f"{self._address}"}
        for name, text in said.items():
            (device / name).write_text(text + "\n")
        (self.nodes / "001" / f"{self._address:03}").touch()
        if driver:
            (self._drivers / driver).mkdir(parents=True)
            (interface / "driver").symlink_to(self._drivers / driver)

    def check(self, port: str) -> Check:
        return usb_check("gate-reader", port, self.devices, self.nodes)


@pytest.fixture
def bus(tmp_path: Path) -> Bus:
    bus = Bus(tmp_path)
    bus.plug("1-1", "", "1d6b", "0002", driver="hub")
    return bus


def test_a_reader_that_is_not_there(bus: Bus) -> None:
    found = bus.check(SONY)
    assert (found.name, found.level, "lsusb" in found.advice) == ("port of gate-reader", Level.FAIL, True)


@pytest.mark.parametrize("port", [SONY, "usb:054C:06C3", SONY + ":0381520", "usb:1-1.2"])
def test_a_reader_is_found_by_each_of_its_names(bus: Bus, port: str) -> None:
    bus.plug("1-1.2", "0381520")
    assert bus.check(port) == Check("port of gate-reader", Level.PASS, f"{port} in socket 1-1.2")
    assert bus.check(SONY + ":0381521").level is Level.FAIL


def test_of_two_one_has_to_be_named(bus: Bus) -> None:
    bus.plug("1-1.2", "0381520")
    bus.plug("1-1.3", "0381521", driver="usbfs")
    found = bus.check(SONY)
    assert (found.level, "usb:1-1.2, usb:1-1.3" in found.advice) == (Level.FAIL, True)
    assert bus.check(SONY + ":0381521").level is Level.PASS


def test_a_reader_that_the_kernel_has_taken(bus: Bus) -> None:
    bus.plug("1-1.2", "0381520", driver="port100")
    found = bus.check(SONY)
    assert (found.level, "driver port100" in found.cause, "rmmod port100" in found.advice) == (Level.FAIL, True, True)


def test_a_reader_without_a_node_that_opens(bus: Bus) -> None:
    bus.plug("1-1.2", "0381520")
    (bus.nodes / "001" / "002").unlink()
    assert "udev rules" in bus.check(SONY).advice


def test_a_configuration_with_a_reader_on_usb_is_looked_at(tmp_path: Path) -> None:
    (found,) = port_checks(load(write_config(tmp_path / "etc", port="usb:054c:06c3:none-such")))
    assert (found.level, "none-such" in found.cause) == (Level.FAIL, True)
