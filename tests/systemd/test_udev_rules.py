"""The udev rules: each line, the commented examples too, is one that udevd takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.nfc.models import USB
from tests.systemd.files import RULES, Token, shipped_rules, udev_rule


def found(rule: list[Token], key: str) -> list[str]:
    return [token.value for token in rule if token.key == key]


def test_every_active_rule_and_every_example_is_well_formed() -> None:
    assert len(shipped_rules(examples=False)) >= 8
    assert len(shipped_rules(examples=True)) >= 8


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('SUBSYSTEM=="tty" GROUP="smartplace"', "comma"),
        ('SUBSYSTEM=="tty, GROUP="smartplace"', "comma"),
        ('SUBSYSTEM=="tty", GROUP==""smartplace', "can only be set"),
        ('SUBSYSTEM="tty"', "only be compared"),
        ('GRUOP="smartplace"', "no such key"),
        ('ATTRS=="1a86"', "needs an attribute"),
        ('GROUP{x}="smartplace"', "takes no attribute"),
        ("SUBSYSTEM==tty", "KEY operator"),
        ("", "empty"),
    ],
)
def test_a_slip_in_a_rule_is_found(line: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        udev_rule(line)


@given(st.text(alphabet='ABGROUPSYTEM{}=!+:-",# abc019', max_size=60))
def test_any_line_is_either_a_rule_or_refused(line: str) -> None:
    try:
        rule = udev_rule(line)
    except ValueError:
        return
    assert all(token.key for token in rule)


def test_jumps_have_their_label() -> None:
    rules = [rule for _line, rule in shipped_rules(examples=False)]
    targets = {target for rule in rules for target in found(rule, "GOTO")}
    assert targets == {label for rule in rules for label in found(rule, "LABEL")}


def test_the_file_sorts_after_path_ids_and_before_modemmanager() -> None:
    assert "60-serial.rules" < RULES.name < "73-seat-late.rules" < "77-mm-usb-device-blacklist.rules"


def test_every_serial_port_goes_to_our_group_and_is_no_modem() -> None:
    for line, rule in shipped_rules(examples=False):
        if "tty" in found(rule, "SUBSYSTEM"):
            assert found(rule, "GROUP") == ["smartplace"], f"line {line}"
            assert found(rule, "MODE") == ["0660"], f"line {line}"
            assert Token("ENV", "ID_MM_DEVICE_IGNORE", "=", "1") in rule, f"line {line}"


def test_no_rule_touches_a_device_that_it_does_not_select() -> None:
    for line, rule in [*shipped_rules(examples=False), *shipped_rules(examples=True)]:
        if any(token.key in ("GROUP", "SYMLINK", "ATTR") and not token.matches for token in rule):
            assert "SUBSYSTEM" in {token.key for token in rule if token.matches}, f"line {line}"
            assert sum(token.matches for token in rule) >= 2, f"line {line}"


def ids(rule: list[Token], key: str) -> tuple[str, ...]:
    return tuple(t.value for t in rule if t.key == key and t.attribute in ("idVendor", "idProduct") and t.matches)


def test_usb_bridges_of_the_serial_rules_and_readers_on_usb_are_kept_awake() -> None:
    rules = [rule for _line, rule in shipped_rules(examples=False)]
    serial = {ids(rule, "ATTRS") for rule in rules if "tty" in found(rule, "SUBSYSTEM")} - {()}
    readers = {ids(rule, "ATTR") for rule in rules if "usb" in found(rule, "SUBSYSTEM") and found(rule, "GROUP")}
    awake = {ids(rule, "ATTR") for rule in rules if Token("ATTR", "power/control", "=", "on") in rule}
    assert serial | readers == awake


def test_each_reader_on_usb_that_nfc_knows_goes_to_our_group() -> None:
    granted = {
        (int(vendor, 16), int(product, 16))
        for _line, rule in shipped_rules(examples=False)
        if found(rule, "SUBSYSTEM") == ["usb"] and found(rule, "GROUP") == ["smartplace"]
        for vendor, products in [ids(rule, "ATTR")]
        for product in products.split("|")
    }
    assert granted == set(USB)


def test_the_kernels_own_driver_of_a_reader_is_kept_away() -> None:
    lines = (RULES.parent / "smartplace.modprobe.conf").read_text("utf-8").splitlines()
    assert [line for line in lines if not line.startswith(("#", "blacklist "))] == []
    assert {"blacklist port100", "blacklist pn533_usb"} <= set(lines)


def test_vendor_and_product_are_four_hex_digits() -> None:
    for line, rule in [*shipped_rules(examples=False), *shipped_rules(examples=True)]:
        for token in rule:
            if token.attribute in ("idVendor", "idProduct"):
                assert re.fullmatch(r"[0-9a-f]{4}(\|[0-9a-f]{4})*", token.value), f"line {line}"


def test_names_by_role_stand_in_one_folder() -> None:
    names = [name for _line, rule in shipped_rules(examples=True) for name in found(rule, "SYMLINK")]
    assert names
    assert all(re.fullmatch(r"smartplace/(reader|relay|printer|scanner|camera)-[a-z0-9]+", name) for name in names)
