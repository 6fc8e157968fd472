"""The place's own beacons: silent, low, well again; whose telemetry it is; strangers leave no trace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.frames import Telemetry
from drivers.ble.hearing import Hearing, Sighting
from drivers.ble.phones import Phones
from drivers.ble.presence import Limits, Presence
from drivers.ble.upkeep import MINUTE_NS, Upkeep
from drivers.contract.reader import BeaconEvent
from drivers.simulators import beacons

UUID = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"
PLAIN = UUID.replace("-", "")
HALL, ATTIC = f"ibeacon:{PLAIN}:1:1", f"ibeacon:{PLAIN}:1:2"
LIMITS = Limits(-70, -80, 10_000_000_000, 30, 1)
IRK = "ec0234a357c8ad05341010a60a397d9b"


def upkeep() -> Upkeep:
    return Upkeep({HALL: "hall", ATTIC: "attic"}, silent_min=30, battery_mv=2400, now_ns=0)


def code(of: Upkeep, now_ns: int) -> tuple[str, str]:
    told = of.problem(now_ns)
    return ("", "") if told is None else (told.code, told.cause)


def test_a_beacon_that_is_not_heard_is_named_after_the_minutes_set() -> None:
    one = upkeep()
    one.hear(HALL, -60, 10 * MINUTE_NS)
    assert code(one, 29 * MINUTE_NS) == ("", "")
    assert code(one, 30 * MINUTE_NS) == ("beacon_silent", "not heard for 30 min: attic")
    assert code(one, 40 * MINUTE_NS) == ("beacon_silent", "not heard for 30 min: hall, attic")
    for beacon in (HALL, ATTIC):
        one.hear(beacon, -60, 41 * MINUTE_NS)
    assert code(one, 41 * MINUTE_NS) == ("", "")


def test_what_nobody_could_hear_is_no_silence() -> None:
    one = upkeep()
    one.was_deaf(20 * MINUTE_NS)
    assert code(one, 49 * MINUTE_NS) == ("", "")
    assert code(one, 50 * MINUTE_NS)[0] == "beacon_silent"


def test_a_low_battery_is_told_until_it_is_changed() -> None:
    one = upkeep()
    for millivolts, wanted in ((2400, ""), (2399, "battery_low"), (2450, "battery_low"), (3000, "")):
        one.measure(HALL, Telemetry(millivolts, 20.0, 5))
        assert code(one, 0)[0] == wanted
    one.measure(HALL, Telemetry(2350, 20.0, 5))
    assert code(one, 0)[1] == "battery low: hall (2.35 V)"


def test_a_beacon_that_does_not_measure_its_battery_is_not_low() -> None:
    one = upkeep()
    one.measure(HALL, Telemetry(None, None, 5))
    assert code(one, 0) == ("", "")


def test_each_beacon_is_told_in_words() -> None:
    one = upkeep()
    one.hear(HALL, -61, 0)
    one.measure(HALL, Telemetry(2980, 21.5, 3 * 86_400))
    assert one.detail(0) == {"beacon hall": "-61 dBm, 2.98 V, 21.5 °C, up 3 days", "beacon attic": "not heard yet"}


def sighting(sent: beacons.Advertised, address: str = "C0:00:00:00:00:01", *, random: bool = True) -> Sighting:
    return Sighting(address, random, -60, sent.manufacturer, sent.service, 1)


def hearing(*people: str) -> tuple[Hearing, Presence, Upkeep]:
    presence, own = Presence(LIMITS), upkeep()
    return Hearing(people, Phones({"anna": bytes.fromhex(IRK)}), presence, own), presence, own


def test_telemetry_belongs_to_the_beacon_at_the_same_address() -> None:
    one, _, own = hearing()
    one.take(sighting(beacons.telemetry(2000)))
    assert code(own, 0) == ("", "")
    one.take(sighting(beacons.ibeacon(UUID, 1, 1)))
    one.take(sighting(beacons.telemetry(2000), "C0:00:00:00:00:02"))
    assert code(own, 0) == ("", "")
    one.take(sighting(beacons.telemetry(2000)))
    assert code(own, 0) == ("battery_low", "battery low: hall (2.00 V)")


def test_a_familys_beacons_are_people_and_our_own_are_not() -> None:
    one, _, _ = hearing(f"ibeacon:{PLAIN}")
    assert one.take(sighting(beacons.ibeacon(UUID, 1, 1))) == []
    (change,) = one.take(sighting(beacons.ibeacon(UUID, 9, 7)))
    assert (change.id, change.event) == (f"ibeacon:{PLAIN}:9:7", BeaconEvent.ENTER)


def test_a_family_is_not_the_beginning_of_another_number() -> None:
    one, _, _ = hearing(f"ibeacon:{PLAIN}:1")
    assert one.take(sighting(beacons.ibeacon(UUID, 11, 7))) == []
    assert len(one.take(sighting(beacons.ibeacon(UUID, 1, 7)))) == 1


def test_a_phone_is_one_and_the_same_under_all_its_addresses() -> None:
    one, presence, _ = hearing()
    other = beacons.Advertised({76: b"\x10\x05"}, {})
    told = [one.take(sighting(other, beacons.private_address(IRK))) for _ in range(5)]
    assert [change.id for changes in told for change in changes] == ["phone:anna"]
    assert len(presence) == 1


def test_a_makers_own_address_is_no_phone_of_ours() -> None:
    one, _, _ = hearing()
    assert one.take(sighting(beacons.Advertised({}, {}), "70:81:94:0D:FB:AA", random=False)) == []


@given(st.text(max_size=20), st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=30), max_size=3), st.booleans())
def test_strangers_leave_no_trace(address: str, manufacturer: dict[int, bytes], random: bool) -> None:
    one, presence, own = hearing(f"ibeacon:{'f' * 32}")
    assert one.take(Sighting(address, random, -40, manufacturer, {}, 1)) == []
    assert len(presence) == 0
    assert own.detail(0) == {"beacon hall": "not heard yet", "beacon attic": "not heard yet"}
