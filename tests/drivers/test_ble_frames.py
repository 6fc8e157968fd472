"""Beacons' frames: decoded as their specifications say, whoever built them; any bytes at all are a value or nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble import frames
from drivers.ble.frames import APPLE, EDDYSTONE, Telemetry
from drivers.ble.options import Frame, Options, canonical
from drivers.ble.own_frame import Payload, payload
from drivers.simulators import beacons

UUID = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"
PLAIN = UUID.replace("-", "")
NUMBER = st.integers(0, 0xFFFF)
OWN = {"id": f"ibeacon:{UUID}:1:7", "name": "hall"}


def test_an_ibeacon_is_known_by_uuid_major_and_minor() -> None:
    data = bytes.fromhex("0215" + PLAIN + "0001" + "002a" + "c5")
    assert frames.ids({APPLE: data}, {}) == [f"ibeacon:{PLAIN}:1:42"]


def test_what_apples_own_devices_send_is_no_beacon() -> None:
    for data in ("1005031c", "0215" + PLAIN + "0001002a", "0216" + PLAIN + "0001002ac5", "0c0e00" + "00" * 20):
        assert frames.ids({APPLE: bytes.fromhex(data)}, {}) == []


def test_an_altbeacon_is_known_whoever_made_it() -> None:
    data = bytes.fromhex("beac" + PLAIN + "0001" + "0002" + "c500")
    assert frames.ids({0x0118: data}, {}) == frames.ids({0xFFFF: data}, {}) == [f"altbeacon:{PLAIN}:1:2"]


@pytest.mark.parametrize("reserved", ["0000", ""])
def test_an_eddystone_uid_is_known_with_and_without_its_reserved_bytes(reserved: str) -> None:
    data = bytes.fromhex("00ee" + "00112233445566778899" + "aabbccddeeff" + reserved)
    assert frames.ids({}, {EDDYSTONE: data}) == ["eddystone:00112233445566778899:aabbccddeeff"]


def test_telemetry_is_decoded_with_its_units() -> None:
    data = bytes.fromhex("2000" + "0bb8" + "f680" + "00000001" + "00015180")
    assert frames.telemetry({EDDYSTONE: data}) == Telemetry(3000, -9.5, 8640)


def test_what_a_beacon_does_not_measure_is_not_told() -> None:
    data = bytes.fromhex("2000" + "0000" + "8000" + "00000001" + "00000000")
    assert frames.telemetry({EDDYSTONE: data}) == Telemetry(None, None, 0)


def test_encrypted_telemetry_is_left_alone() -> None:
    assert frames.telemetry({EDDYSTONE: bytes.fromhex("2001" + "00" * 16)}) is None


@given(st.uuids(), NUMBER, NUMBER, st.integers(-128, 127))
def test_what_the_simulator_builds_is_what_is_decoded(uuid: object, major: int, minor: int, power: int) -> None:
    plain = str(uuid).replace("-", "")
    assert frames.ids(*beacons.ibeacon(str(uuid), major, minor, power)) == [f"ibeacon:{plain}:{major}:{minor}"]
    assert frames.ids(*beacons.altbeacon(str(uuid), major, minor, power)) == [f"altbeacon:{plain}:{major}:{minor}"]


@given(st.integers(0, 0xFFFF), st.integers(-127 * 256, 127 * 256), st.integers(0, 400_000_000))
def test_telemetry_of_the_simulator_is_what_is_decoded(battery: int, degrees: int, uptime_s: int) -> None:
    said = frames.telemetry(beacons.telemetry(battery, degrees / 256, uptime_s).service)
    assert said == Telemetry(battery or None, degrees / 256, uptime_s)


BYTES = st.binary(max_size=40) | st.sampled_from([b"\x02\x15", b"\xbe\xac", b"\x00", b"\x20\x00"]).flatmap(
    lambda start: st.binary(max_size=30).map(lambda rest: start + rest)
)


@given(st.dictionaries(st.integers(0, 0xFFFF) | st.just(APPLE), BYTES, max_size=4), BYTES)
def test_any_bytes_are_ids_of_the_written_form_or_nothing(manufacturer: dict[int, bytes], service: bytes) -> None:
    for found in frames.ids(manufacturer, {EDDYSTONE: service}):
        assert canonical(found) == found
    said = frames.telemetry({EDDYSTONE: service})
    assert said is None or (said.celsius is None or -128 <= said.celsius < 128)


def test_an_id_is_compared_lower_case_without_hyphens_and_leading_zeros() -> None:
    assert canonical(f"IBEACON:{UUID.upper()}:007:42") == f"ibeacon:{PLAIN}:7:42"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"enter_dbm": -80, "leave_dbm": -80}, "leave_dbm"),
        ({"mode": "passive", "phone_keys": "/k"}, "passive"),
        ({"own": (OWN, OWN)}, "twice"),
        ({"people": (f"ibeacon:{UUID}:65536",)}, "65535"),
        ({"people": ("ibeacon:1234",)}, "regex"),
        ({"own": ({"id": f"ibeacon:{UUID}:1:99999", "name": "x"},)}, "65535"),
        ({"advertise": {}}, "either"),
        ({"advertise": {"id": f"altbeacon:{UUID}:1:2"}}, "company"),
        ({"advertise": {"url": "https://a-much-too-long-name.example/"}}, "17 bytes"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, object], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(options, Options)


def test_the_places_own_frame_is_what_a_beacon_would_send() -> None:
    assert payload(Frame(id=f"ibeacon:{UUID}:1:7", power_dbm=-65)) == Payload(beacons.ibeacon(UUID, 1, 7, -65)[0], {})
    own = Frame(id="eddystone:00112233445566778899:aabbccddeeff", power_dbm=-18)
    assert payload(own) == Payload({}, beacons.eddystone("00112233445566778899", "aabbccddeeff", -18)[1])


@pytest.mark.parametrize(
    ("url", "encoded"),
    [
        ("https://www.example.com/", b"\x01example\x00"),
        ("http://jelgava.lv/m", b"\x02jelgava.lv/m"),
        ("https://a.info", b"\x03a\x0b"),
    ],
)
def test_a_url_is_compressed_as_eddystone_does(url: str, encoded: bytes) -> None:
    assert payload(Frame(url=url, power_dbm=-20)).service == {EDDYSTONE: b"\x10\xec" + encoded}
