"""Phones by their keys: the published vector, addresses that are nobody's, key files that are not good."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.phones import MOST_ADDRESSES, Phones, ah, parse_keys, read_keys
from drivers.driver import DeviceError
from drivers.simulators.beacons import private_address

IRK = "ec0234a357c8ad05341010a60a397d9b"
"""Bluetooth Core Specification 5.4, Vol 3 Part H, Appendix D.7: sample data of `ah`, most significant byte first."""


def test_ah_gives_the_published_hash() -> None:
    assert ah(bytes.fromhex(IRK))(bytes.fromhex("708194")) == bytes.fromhex("0dfbaa")


def test_the_published_address_is_resolved() -> None:
    assert Phones({"other": bytes(16), "anna-1": bytes.fromhex(IRK)}).resolve("70:81:94:0D:FB:AA") == "phone:anna-1"


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=3, max_size=3))
def test_any_address_of_a_phone_is_resolved_again_and_again(irk: bytes, drawn: bytes) -> None:
    phones = Phones({"a": irk})
    address = private_address(irk.hex(), drawn)
    assert [phones.resolve(address), phones.resolve(address)] == ["phone:a", "phone:a"]


OURS = Phones({"a": bytes.fromhex(IRK)})


@given(st.text(max_size=20) | st.binary(min_size=6, max_size=6).map(lambda six: six.hex(":").upper()))
def test_any_address_is_somebodys_or_nobodys(address: str) -> None:
    assert OURS.resolve(address) in (None, "phone:a")


def test_only_resolvable_addresses_are_tried() -> None:
    """Static random addresses (0b11) and others are not made of a key: a match would be chance."""
    prand = bytes.fromhex("f08194")
    address = (prand + ah(bytes.fromhex(IRK))(prand)).hex(":")
    assert Phones({"a": bytes.fromhex(IRK)}).resolve(address) is None


def test_strangers_addresses_are_forgotten() -> None:
    phones = Phones({"a": bytes.fromhex(IRK)})
    for number in range(MOST_ADDRESSES + 100):
        phones.resolve(f"4{number:011x}")
    assert len(phones._known) == MOST_ADDRESSES


def test_a_key_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "phones.irk"
    file.write_text(f"# the library's\n\nanna-1 = {IRK}\nberta={'0' * 32}\n")
    file.chmod(0o600)
    assert read_keys(file) == {"anna-1": bytes.fromhex(IRK), "berta": bytes(16)}


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "phones.irk"
    file.write_text(f"anna = {IRK}\n")
    file.chmod(mode)
    with pytest.raises(DeviceError, match="others may read it"):
        read_keys(file)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="No such file"):
        read_keys(tmp_path / "phones.irk")


@given(st.binary(max_size=200) | st.text("ab=- 0123456789\n#", max_size=200).map(str.encode))
def test_any_key_file_is_keys_or_refused_without_showing_it(text: bytes) -> None:
    try:
        keys = parse_keys(text, Path("/k"))
    except DeviceError:
        return
    assert all(len(key) == 16 for key in keys.values())


def test_a_refusal_shows_no_key() -> None:
    with pytest.raises(DeviceError) as refused:
        parse_keys(f"anna = {IRK}\nanna = {IRK}\nBad = {IRK}".encode(), Path("/k"))
    assert "line 2" in str(refused.value)
    assert IRK not in str(refused.value)
