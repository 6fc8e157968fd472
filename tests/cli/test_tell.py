"""What a driver says, as a person reads it: never a clear id."""

from __future__ import annotations

from drivers.contract.codec import raw
from drivers.contract.core import Reading
from drivers.contract.reader import Beacon, BeaconEvent
from drivers.contract.relay import InputStates
from gateway.cli.tell import Teller, sentence

UUID = "f7826da64fa24e988024bc5b71e0893e"


def test_a_beacon_is_told_by_a_number_that_stays_and_never_by_its_id() -> None:
    teller = Teller()
    ids = (f"ibeacon:{UUID}:1:7", "phone:anna-1", f"ibeacon:{UUID}:1:7")
    told = [teller.fields(Reading(1, raw(Beacon(id, BeaconEvent.ENTER, -61)))) for id in ids]
    assert [sentence(one) for one in told] == [
        "beacon #1, ibeacon, enter, -61 dBm",
        "beacon #2, phone, enter, -61 dBm",
        "beacon #1, ibeacon, enter, -61 dBm",
    ]
    assert UUID not in repr(told)
    assert "anna" not in repr(told)


def test_what_a_board_says_of_its_inputs_at_the_start_is_told_in_words() -> None:
    told = [Teller().fields(Reading(1, raw(InputStates(on)))) for on in ((False, True, True), (False, False))]
    assert [sentence(one) for one in told] == ["inputs that are on: 1, 2", "inputs that are on: none"]
