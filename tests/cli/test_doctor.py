"""Doctor: each finding with a number, a level, a cause and an advice."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from gateway.cli import machine
from gateway.cli.boards import board_checks
from gateway.cli.checks import file_checks, key_checks, pcscd_checks, port_checks
from gateway.cli.finding import Check, Level
from gateway.config.load import load
from gateway.ledger.ledger import Ledger
from tests.cli.conftest import Gateway, smartplace, write_config
from tests.support.clock import FakeClock


def found(config: Path) -> dict[str, dict[str, str]]:
    told = json.loads(smartplace("doctor", "--json", "--config", config).stdout)
    return {check["check"]: check for check in told["checks"]}


def test_what_is_wrong_comes_with_its_advice_and_code_1(config: Path) -> None:
    told = smartplace("doctor", "--config", config)
    assert told.returncode == 1
    assert " 1  PASS  configuration:" in told.stdout
    assert "FAIL  port of desk-reader: /dev/serial/by-id/none: No such file or directory" in told.stdout
    assert "ls -l /dev/serial/by-id" in told.stdout
    assert "\x1b" not in told.stdout


def test_warnings_alone_are_8(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        config = write_config(tmp_path / "etc", port=os.ttyname(slave))
        told = smartplace("doctor", "--json", "--config", config)
    finally:
        os.close(master)
        os.close(slave)
    counts = json.loads(told.stdout)
    assert counts["fail"] == 0, counts
    assert told.returncode == 8


def test_doctor_changes_nothing(config: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in config.parent.rglob("*")}
    smartplace("doctor", "--config", config)
    assert {path: path.stat().st_mtime_ns for path in config.parent.rglob("*")} == before


def test_without_a_valid_configuration_the_machine_is_still_looked_at(config: Path) -> None:
    config.write_text(config.read_text().replace("card_id", "card_nr"))
    checks = found(config)
    assert checks["configuration"]["level"] == "fail"
    assert "card_nr" in checks["configuration"]["cause"]
    assert {"python", "sqlite", "clock"} < set(checks)


@pytest.mark.parametrize(
    ("text", "mode", "level", "what"),
    [
        (bytes(range(32)).hex(), 0o600, Level.PASS, ""),
        (bytes(range(32)).hex(), 0o640, Level.FAIL, "others may read it"),
        ("00", 0o600, Level.FAIL, "1 bytes instead of 32"),
        ("nothex", 0o600, Level.FAIL, "not hex"),
        (None, 0, Level.FAIL, "No such file"),
    ],
)
def test_keys(config: Path, text: str | None, mode: int, level: Level, what: str) -> None:
    file = config.parent / "keys" / "card.hex"
    file.unlink()
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    check = next(check for check in key_checks(load(config)) if check.name == "keys.card")
    assert check.level is level
    assert what in check.cause


def test_a_password_file_must_be_for_nobody_else(config: Path) -> None:
    config.write_text(config.read_text().replace("port = 9\n", 'port = 9\npassword = "keys/password"\n'))
    (config.parent / "keys" / "password").write_text("hunter2")
    (config.parent / "keys" / "password").chmod(0o644)
    check = next(check for check in key_checks(load(config)) if check.name == "sync.password")
    assert check.level is Level.FAIL
    assert "hunter2" not in " ".join(check)


@pytest.mark.parametrize(
    ("text", "mode", "level", "what"),
    [
        ("0f" * 16, 0o600, Level.PASS, ""),
        ("0f" * 16, 0o640, Level.FAIL, "others may read it"),
        ("0f" * 15, 0o600, Level.FAIL, "15 bytes instead of 16"),
        (None, 0, Level.FAIL, "No such file"),
    ],
)
def test_the_key_of_a_reader_on_a_bus(tmp_path: Path, text: str | None, mode: int, level: Level, what: str) -> None:
    file = tmp_path / "osdp.key"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    options = f'{{port = "/dev/null", readers = [{{address = 5, key = "{file}"}}]}}'
    more = f'[[device]]\nid = "door"\ndriver = "osdp"\noptions = {options}\n'
    config = load(write_config(tmp_path / "etc", port="/dev/null", more=more))
    check = next(check for check in key_checks(config) if check.name == "key of door, reader 5")
    assert check.level is level
    assert what in check.cause


def test_the_lines_of_one_gpio_chip_may_serve_two_readers(tmp_path: Path) -> None:
    device = '[[device]]\nid = "door-{0}"\ndriver = "wiegand"\noptions = {{chip = "/dev/null", d0 = {0}, d1 = 2{0}}}\n'
    found = ports(tmp_path, "/dev/zero", device.format(1) + device.format(2))
    assert [check.level for check in found] == [Level.PASS] * 3


def test_the_lines_of_one_gpio_chip_may_open_two_gates(tmp_path: Path) -> None:
    options = '{{port = "/dev/null", board = "gpio", outputs = 1, lines = [{0}]}}'
    device = '[[device]]\nid = "gate-{0}"\ndriver = "relay"\noptions = ' + options + "\n"
    found = ports(tmp_path, "/dev/zero", device.format(1) + device.format(2))
    assert [check.level for check in found] == [Level.PASS] * 3


KEY = "00112233445566778899aabbccddeeff"


@pytest.mark.parametrize(
    ("text", "mode", "level", "what"),
    [
        (KEY, 0o600, Level.PASS, ""),
        (f"1 {KEY}\n2 {KEY}\n", 0o600, Level.PASS, ""),
        (KEY, 0o640, Level.FAIL, "others may read it"),
        (KEY[2:], 0o600, Level.FAIL, "not keys of 16 bytes"),
        ("", 0o600, Level.FAIL, "not keys of 16 bytes"),
        ("\xff", 0o600, Level.FAIL, "it is not text"),
        (None, 0, Level.FAIL, "No such file"),
    ],
)
def test_the_keys_of_a_reader(tmp_path: Path, text: str | None, mode: int, level: Level, what: str) -> None:
    file = tmp_path / "cards.key"
    if text is not None:
        file.write_text(text, "latin-1")
        file.chmod(mode)
    (check,) = keys_of(tmp_path, str(file))
    assert (check.level, what in check.cause) == (level, True)
    assert KEY[2:] not in " ".join(check)


def test_keys_that_systemd_hands_over_are_left_to_the_driver(tmp_path: Path) -> None:
    assert keys_of(tmp_path, "cards.key") == []


def keys_of(tmp_path: Path, key_file: str) -> list[Check]:
    options = f'{{desfire = {{application = "3042F5", key_file = "{key_file}"}}}}'
    more = f'[[device]]\nid = "gate-reader"\ndriver = "pcsc"\noptions = {options}\n'
    checks = key_checks(load(write_config(tmp_path / "etc", more=more)))
    return [check for check in checks if check.name == "keys of gate-reader"]


def test_pcscd_has_to_be_there_for_a_reader_that_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "pcscd.comm"
    plain = load(write_config(tmp_path / "plain"))
    assert list(pcscd_checks(plain, path)) == []
    config = load(write_config(tmp_path / "etc", more='[[device]]\nid = "gate-reader"\ndriver = "pcsc"\n'))
    (missing,) = pcscd_checks(config, path)
    assert (missing.name, missing.level, "apt install pcscd" in missing.advice) == (
        "pcscd for gate-reader",
        Level.FAIL,
        True,
    )
    path.touch()
    assert [check.level for check in pcscd_checks(config, path)] == [Level.FAIL]
    path.unlink()
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.bind(str(path))
        assert [check.level for check in pcscd_checks(config, path)] == [Level.PASS]


def ports(tmp_path: Path, port: str, more: str = "") -> list[Check]:
    return list(port_checks(load(write_config(tmp_path / "etc", port=port, more=more))))


def test_a_port_that_is_a_plain_file_is_no_device(tmp_path: Path) -> None:
    (tmp_path / "port").touch()
    assert "is no device" in ports(tmp_path, str(tmp_path / "port"))[0].cause


def test_one_port_for_two_devices_is_found_behind_its_other_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    more = f'[[device]]\nid = "relay"\ndriver = "relay"\noptions = {{port = "{tmp_path / "link"}"}}\n'
    first, second = ports(tmp_path, "/dev/null", more)
    assert first.level is Level.PASS
    assert (second.level, "port of desk-reader too" in second.cause) == (Level.FAIL, True)


RELAY = """
[[device]]
id = "way-in"
driver = "nfc"
options.port = "/dev/null"

[[device]]
id = "way-out"
driver = "nfc"
options.port = "/dev/zero"

[[device]]
id = "board"
driver = "relay"
options = {{ port = "/dev/full", inputs = 2{options} }}

[[station]]
kind = "gate"
id = "gate-1"
readers = ["way-in"]
exit_readers = ["way-out"]
relay = "board"
passage_input = 0
{keys}
"""


@pytest.mark.parametrize(
    ("options", "keys", "level", "what"),
    [
        ("", "", Level.PASS, "output 0 for 500 ms"),
        (", longest_pulse_ms = 400", "", Level.FAIL, "refuses more than 400"),
        ("", "passage_s = 30", Level.WARN, "awaited for 30 s"),
        (", input_ms = 1000", "", Level.WARN, "lie 1000 ms"),
    ],
)
def test_what_a_gate_asks_of_its_board(tmp_path: Path, options: str, keys: str, level: Level, what: str) -> None:
    config = load(write_config(tmp_path / "etc", more=RELAY.format(options=options, keys=keys)))
    (check,) = board_checks(config)
    assert (check.name, check.level) == ("gate gate-1 at board", level)
    assert what in check.cause
    assert check.advice or level is Level.PASS
    assert [one.name for one in file_checks(config) if one.name.startswith("device")] == []


MOUNTS = """\
/dev/mmcblk0p2 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw,nosuid 0 0
/dev/sda1 /mnt/my\\040disk vfat rw 0 0
overlay /ro overlay rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/smartplace", "ext4"),
        ("/run/smartplace", "tmpfs"),
        ("/running", "ext4"),
        ("/mnt/my disk/state", "vfat"),
        ("/ro", "overlay"),
    ],
)
def test_the_file_system_of_a_folder(path: str, kind: str) -> None:
    assert machine.file_system(Path(path), MOUNTS) == kind


def test_what_is_kept_in_memory_is_a_warning(tmp_path: Path) -> None:
    checks = {check.name: check for check in machine.state(tmp_path, f"overlay {tmp_path} overlay rw 0 0")}
    assert checks["file system"].level is Level.WARN
    assert "gone after a restart" in checks["file system"].cause
    assert checks["state folder"].level is Level.PASS


async def test_a_ledger_of_another_gateway_is_a_failure(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db", "gw-other", FakeClock())
    ledger.start()
    await ledger.stop()
    assert machine.record(tmp_path / "ledger.db", "gw-other").level is Level.PASS
    check = machine.record(tmp_path / "ledger.db", "gw-test")
    assert (check.level, "belongs to gateway 'gw-other'" in check.cause) == (Level.FAIL, True)


def test_a_ballast_that_was_given_up_is_a_warning(config: Path) -> None:
    assert found(config)["ballast"]["level"] == "pass"  # no ledger yet
    folder = config.parent / "state"
    folder.mkdir()
    (folder / "ledger.db").write_bytes(b"")
    (folder / "ballast").write_bytes(b"")
    assert found(config)["ballast"]["level"] == "warn"
    (folder / "ballast").write_bytes(bytes(4_000_000))
    assert found(config)["ballast"]["level"] == "pass"


def test_a_damaged_ledger_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"x" * 8192)
    assert machine.record(tmp_path / "ledger.db", "gw-test").level is Level.FAIL


def test_a_broker_that_answers_passes(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        config.write_text(config.read_text().replace("port = 9\n", f"port = {port}\n"))
        assert machine.broker(load(config)).level is Level.PASS
    assert machine.broker(load(config)).level is Level.WARN


def test_a_clock_that_someone_vouches_for_passes(config: Path) -> None:
    config.write_text(config.read_text().replace('state = "state"', 'state = "state"\nclock = "vouched"'))
    assert machine.clock(load(config)).level is Level.PASS


def test_what_a_running_gateway_lacks_is_named(gateway: Gateway) -> None:
    told = json.loads(gateway.ask("doctor", "--json").stdout)
    (daemon,) = [check for check in told["checks"] if check["check"] == "daemon"]
    assert daemon["level"] == "warn"
    assert "not connected to the centre" in daemon["cause"]
