"""Doctor about single drivers: what each needs of the machine, found wrong before a visitor finds it."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.checks import key_checks, port_checks
from gateway.cli.finding import Check, Level
from gateway.cli.hardware import Machine, hardware_checks
from gateway.cli.sources import server_checks
from gateway.config.load import Loaded, load
from tests.cli.conftest import write_config


def loaded(tmp_path: Path, driver: str, options: str) -> Loaded:
    more = f'[[device]]\nid = "thing"\ndriver = "{driver}"\noptions = {{{options}}}\n'
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    return load(write_config(folder / "etc", port="/dev/null", more=more))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """One with nothing attached, but a system bus."""
    with tempfile.TemporaryDirectory(prefix="sp-") as folder, socket.socket(socket.AF_UNIX) as bus:
        bus.bind(f"{folder}/bus")
        (tmp_path / "dev").mkdir()
        yield Machine(tmp_path / "bluetooth", Path(folder) / "bus", tmp_path / "dev")


def found(tmp_path: Path, machine: Machine, driver: str, options: str) -> list[Check]:
    checks = list(hardware_checks(loaded(tmp_path, driver, options), machine))
    assert all(check.advice for check in checks if check.level is not Level.PASS)
    return checks


def adapter(machine: Machine, name: str, *, soft: str = "0", hard: str = "0") -> None:
    switch = machine.bluetooth / name / "rfkill0"
    switch.mkdir(parents=True)
    (switch / "soft").write_text(f"{soft}\n")
    (switch / "hard").write_text(f"{hard}\n")


# Bluetooth ------------------------------------------------------------------------------------------------


def test_bluetooth_needs_an_adapter_that_is_on_and_a_bus(tmp_path: Path, machine: Machine) -> None:
    (none,) = found(tmp_path, machine, "ble", "")
    assert (none.level, none.cause) == (Level.FAIL, "this machine has no Bluetooth adapter")
    adapter(machine, "hci0", soft="1")
    (off,) = found(tmp_path, machine, "ble", "")
    assert (off.level, "rfkill unblock" in off.advice) == (Level.FAIL, True)
    adapter(machine, "hci1")
    (machine.bluetooth / "hci1:64").mkdir()
    (on,) = found(tmp_path, machine, "ble", "")
    assert (on.level, on.cause) == (Level.PASS, "hci1")
    machine.system_bus.unlink()
    assert [check.level for check in found(tmp_path, machine, "ble", "")] == [Level.PASS, Level.FAIL]
    assert len(found(tmp_path, machine, "ble", 'bus = "unix:path=/x"')) == 1


def test_an_adapter_s_name_is_no_identity_where_there_are_two(tmp_path: Path, machine: Machine) -> None:
    for name in ("hci0", "hci1"):
        adapter(machine, name)
    assert found(tmp_path, machine, "ble", 'adapter = "hci0"')[0].level is Level.WARN
    assert found(tmp_path, machine, "ble", 'adapter = "00:1A:7D:DA:71:13"')[0].level is Level.PASS


@pytest.mark.parametrize(
    ("text", "mode", "level", "what"),
    [
        (f"# ours\nanna-1 = {'0f' * 16}\n", 0o600, Level.PASS, ""),
        (f"anna-1 = {'0f' * 16}\n", 0o640, Level.FAIL, "others may read it"),
        (f"anna-1 = {'0f' * 15}\n", 0o600, Level.FAIL, "32 hex digits"),
        ("", 0o600, Level.FAIL, "32 hex digits"),
    ],
)
def test_the_keys_of_phones(tmp_path: Path, text: str, mode: int, level: Level, what: str) -> None:
    file = tmp_path / "phones.irk"
    file.write_text(text)
    file.chmod(mode)
    checks = key_checks(loaded(tmp_path, "ble", f'phone_keys = "{file}"'))
    (check,) = [check for check in checks if check.name == "phone_keys of thing"]
    assert (check.level, what in check.cause) == (level, True)
    assert "0f0f" not in " ".join(check)


# Scanners -------------------------------------------------------------------------------------------------


def test_a_scanner_has_to_be_set_as_its_mode_says(tmp_path: Path, machine: Machine) -> None:
    near, far = os.openpty()
    try:
        port = os.ttyname(far)
        assert found(tmp_path, machine, "scanner", f'port = "{port}"') == []
        (wrong,) = found(tmp_path, machine, "scanner", f'port = "{port}", mode = "keyboard"')
    finally:
        os.close(near)
        os.close(far)
    assert (wrong.level, wrong.cause) == (Level.FAIL, f"{port} is a serial port")


@pytest.mark.parametrize("name", ["/dev/ttyACM17", "/dev/input/event17"])
def test_a_scanner_that_is_not_there_fails_with_where_to_look(tmp_path: Path, name: str) -> None:
    checks = list(port_checks(loaded(tmp_path, "scanner", f'port = "{name}"')))
    assert [check.level for check in checks] == [Level.PASS, Level.FAIL]
    assert "/dev/serial/by-id" in checks[1].advice


# Printers of slips ------------------------------------------------------------------------------------------


def test_a_printer_of_slips_is_of_the_kind_that_line_says(tmp_path: Path, machine: Machine) -> None:
    near, far = os.openpty()
    try:
        port = os.ttyname(far)
        assert found(tmp_path, machine, "slip", f'port = "{port}"') == []
        (wrong,) = found(tmp_path, machine, "slip", f'port = "{port}", line = "usb"')
    finally:
        os.close(near)
        os.close(far)
    assert (wrong.level, wrong.cause) == (Level.FAIL, f"{port} is no USB printer")
    assert 'line = "serial"' in wrong.advice


def test_a_usb_printer_needs_a_name_that_stays(tmp_path: Path, machine: Machine) -> None:
    (moves,) = found(tmp_path, machine, "slip", 'port = "/dev/usb/lp17", line = "usb"')
    assert (moves.level, "udev" in moves.advice) == (Level.WARN, True)
    assert found(tmp_path, machine, "slip", 'port = "/dev/smartplace/printer-slips17", line = "usb"') == []
    checks = list(port_checks(loaded(tmp_path, "slip", 'port = "/dev/smartplace/printer-slips17", line = "usb"')))
    assert checks[1].level is Level.FAIL


def test_a_printer_in_the_network_has_no_file_to_look_at(tmp_path: Path, machine: Machine) -> None:
    option = 'port = "tcp://192.0.2.7:9100"'
    assert found(tmp_path, machine, "slip", option) == []
    assert [check.name for check in port_checks(loaded(tmp_path, "slip", option))] == ["port of desk-reader"]


# Wiegand --------------------------------------------------------------------------------------------------


def test_wiegand_wires_need_a_chip_with_a_name_that_stays(tmp_path: Path, machine: Machine) -> None:
    wires = 'chip = "/dev/gpiochip0", d0 = 17, d1 = 27'
    (none,) = found(tmp_path, machine, "wiegand", wires)
    assert (none.level, "no GPIO chip" in none.cause) == (Level.FAIL, True)
    (machine.devices / "gpiochip0").touch()
    assert found(tmp_path, machine, "wiegand", wires) == []
    (machine.devices / "gpiochip10").touch()
    (moves,) = found(tmp_path, machine, "wiegand", wires)
    assert (moves.level, "gpiodetect" in moves.advice) == (Level.WARN, True)
    assert found(tmp_path, machine, "wiegand", 'chip = "pinctrl-rp1", d0 = 17, d1 = 27') == []


def test_whoever_may_write_edges_presents_any_card(tmp_path: Path, machine: Machine) -> None:
    pipe = tmp_path / "edges"
    option = f'edges = "{pipe}"'
    assert "No such file" in found(tmp_path, machine, "wiegand", option)[0].cause
    os.mkfifo(pipe)
    for mode, level in ((0o600, Level.PASS), (0o620, Level.FAIL), (0o602, Level.FAIL)):
        pipe.chmod(mode)
        assert [check.level for check in found(tmp_path, machine, "wiegand", option)] == [level]
    pipe.unlink()
    pipe.touch()
    assert "is no pipe" in found(tmp_path, machine, "wiegand", option)[0].cause


# The library's system and the keyboard --------------------------------------------------------------------


def test_a_keyboard_that_cannot_be_made_or_that_anybody_may_use(tmp_path: Path, machine: Machine) -> None:
    port = tmp_path / "uinput"
    option = f'port = "{port}"'
    assert "modprobe uinput" in found(tmp_path, machine, "wedge", option)[0].advice
    os.mkfifo(port)
    for mode, level in ((0o600, Level.PASS), (0o622, Level.FAIL)):
        port.chmod(mode)
        assert [check.level for check in found(tmp_path, machine, "wedge", option)] == [level]
    port.unlink()
    port.touch()
    assert "makes no keyboard" in found(tmp_path, machine, "wedge", option)[0].cause
    assert [check.name for check in port_checks(loaded(tmp_path, "wedge", option))] == ["port of desk-reader"]


def test_the_library_s_system_is_knocked_at(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (well,) = server_checks(loaded(tmp_path, "sip2", f"port = {port}"))
    (ill,) = server_checks(loaded(tmp_path, "sip2", f"port = {port}"))
    assert (well.level, well.name) == (Level.PASS, "server of thing")
    assert (ill.level, ill.cause) == (Level.FAIL, f"127.0.0.1:{port}: Connection refused")
    assert "SIP2 server on" in ill.advice


@pytest.mark.parametrize(
    ("driver", "option", "more"), [("sip2", "password", 'user = "gw", '), ("fiscal", "password_file", "")]
)
def test_a_password_is_for_nobody_else(tmp_path: Path, driver: str, option: str, more: str) -> None:
    file = tmp_path / "password"
    file.write_text("1234")
    for mode, level in ((0o600, Level.PASS), (0o644, Level.FAIL)):
        file.chmod(mode)
        port = 'port = "/dev/null", ' if driver == "fiscal" else ""
        checks = key_checks(loaded(tmp_path, driver, f'{port}{more}{option} = "{file}"'))
        (check,) = [check for check in checks if check.name == f"{option} of thing"]
        assert check.level is level
        assert "1234" not in " ".join(check)
