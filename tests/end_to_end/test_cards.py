"""What a card may be used for, through the whole house: simulated readers, drivers, daemon, page, record."""

from __future__ import annotations

import json

from gateway.cli.demo.acts import DESK, GATE, READER_OF, TILL
from gateway.cli.demo.town import PEOPLE
from gateway.model.entry import EntryKind
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import Body, House
from tests.end_to_end.test_secrets import sung

BANK = bytes.fromhex("04C1C2C3C4C5C6")
PAN = bytes.fromhex("4761739001010010")
SHOWN_S = 20.0


def present(house: House, station: str, card: str, *, beside: str = "") -> tuple[str, str]:
    """Lay a card on the station's reader, or two, take them away when the page has answered. What it showed."""
    reader = house.rig.children[READER_OF[station]]
    mark = house.watch.mark()
    reader.ask("place", card=card, beside=beside)
    event = house.watch.wait(station, ("accepted", "refused", "open"), mark, SHOWN_S)
    reader.ask("remove")
    assert reader.ask("settle", timeout=20)
    assert event is not None, house.log()[-2000:]
    return event["show"], event.get("reason", "")


def refusals(house: House) -> list[Body]:
    return [body["identification"] for body in house.bodies(EntryKind.REFUSAL)]


def test_cards_are_used_for_what_they_may_be(new_house: NewHouse) -> None:
    house = new_house()
    house.rig.prepare()
    ilze = next(person for person in PEOPLE if person.name == "ilze")
    cards = json.loads(house.town.cards.read_text())
    cards |= {
        "visa": {"type": "bank", "uid": BANK.hex()},
        "passport": {"type": "identity", "uid": "08A1B2C3", "hidden": True},
        "phone": {"type": "phone", "text": house.town.pass_text(ilze), "pays": True},
        "other phone": {"type": "phone"},
    }
    house.town.cards.write_text(json.dumps(cards))
    text = house.town.config.read_text(encoding="utf-8").replace(
        "passage_s = 3.0", "passage_s = 3.0\nanti_passback_s = 600.0"
    )
    for reader in READER_OF.values():
        port = f'"{house.town.devices / reader}"'
        text = text.replace(port, f"{port}, poll_ms = 30")
    till = f'id = "{TILL}"\n'
    assert till in text
    house.town.config.write_text(text.replace(till, f"{till}weak = []\n"), encoding="utf-8")
    house.rig.start_devices()
    house.rig.start_broker()
    house.rig.start_gateway()
    house.rig.start_centre()
    house.follow()
    house.rig.wait_ready()

    assert present(house, DESK, "visa") == ("refused", "bank_card")
    assert present(house, DESK, "passport") == ("refused", "eid")
    assert present(house, DESK, "other phone") == ("refused", "random_uid")
    assert present(house, DESK, "anna", beside="zane") == ("refused", "several_cards")
    assert refusals(house) == [{"refusal": reason} for reason in ("bank_card", "eid", "random_uid", "several_cards")]
    assert present(house, DESK, "phone") == ("accepted", "")
    (phone,) = house.bodies(EntryKind.IDENTIFICATION)
    assert phone["identification"]["credential"]["kind"] == "pass"

    assert present(house, TILL, "anna") == ("refused", "too_weak")
    assert present(house, TILL, "karlis") == ("accepted", "")

    house.acts.people_walk_through(True)
    house.acts.tap(GATE, "zane", "open", "", then="passed")
    assert present(house, GATE, "zane") == ("refused", "passed_already")

    secrets = {"uid of the bank card": BANK, "its number": PAN}
    kept = [path for folder in (house.town.state, house.town.logs) for path in folder.rglob("*") if path.is_file()]
    assert kept
    assert {str(path): found for path in kept if (found := sung(path.read_bytes(), secrets))} == {}
