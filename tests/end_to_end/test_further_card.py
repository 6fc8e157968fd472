"""A further card is registered at the desk: from the reader over broker and centre until it is accepted everywhere."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from gateway.cli.demo.acts import DESK, READER_OF, SHOWN_S
from gateway.cli.demo.town import PEOPLE
from gateway.model.entry import EntryKind
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import House
from tests.end_to_end.office import WITHIN_S, Office

TOKEN = "00112233445566778899aabbccddeeff"
STRANGER = next(person for person in PEOPLE if person.name == "stranger")


def ask(house: House, body: dict[str, Any] | None = None, key: str = "") -> dict[str, Any]:
    """What staff's own page or program asks."""
    connection = http.client.HTTPConnection("127.0.0.1", house.rig.port, timeout=20)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Idempotency-Key": key}
    method, content = ("GET", None) if body is None else ("POST", json.dumps(body))
    connection.request(method, f"/v1/stations/{DESK}/cards", content, headers)
    answer = connection.getresponse()
    told: dict[str, Any] = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, told
    return told


def present(house: House, card: str, shows: str) -> dict[str, Any]:
    mark = house.watch.mark()
    assert house.rig.children[READER_OF[DESK]].ask("present", card=card)["reads"] == 1
    event = house.watch.wait(DESK, (shows,), mark, SHOWN_S)
    assert event is not None, house.watch.events[mark:]
    return event


def test_a_card_that_nobody_knew_is_the_holders_when_the_registry_comes_back(
    new_house: NewHouse, tmp_path: Path
) -> None:
    house = new_house()
    house.town.folder.joinpath("keys").mkdir(parents=True)
    secret = house.town.keys / "staff.hex"
    secret.touch(mode=0o600)
    secret.write_text(TOKEN)
    house.open(keys_of={DESK: 'staff = "keys/staff.hex"'})
    house.rig.wait_ready()
    office = Office(house, tmp_path, "zane")
    office.register()

    assert present(house, "stranger", "refused")["reason"] == "unknown_register"
    present(house, "zane", "register")
    now = ask(house)
    asked = {"act": "link", "presented": now["presented"], "staff": "Ilze"}
    answer = ask(house, asked, "k-1")
    assert ask(house, asked, "k-1") == answer

    house.drain()
    (entry,) = [row for row in house.at_the_centre() if row.kind == EntryKind.CARD_REQUEST]
    assert answer["entry"].endswith(f"/audit/{entry.seq}")
    assert present(house, "stranger", "refused")["reason"] == "unknown_register", "not before the registry says so"
    code, out, error = office.publish(office.registry(), "--wait", str(WITHIN_S), "--json")
    assert (code, json.loads(out)["unreached"]) == (0, []), error
    shown = present(house, "stranger", "accepted")
    assert (shown["kind"], shown["mark"]) == ("card", house.town.digest(STRANGER)[:6])
    (body,) = house.bodies(EntryKind.IDENTIFICATION)[-1:]
    assert body["identification"]["holder"] == "holder-zane"
    clear = STRANGER.uid.hex()
    assert not any(clear in json.dumps(each).lower() for each in house.entries().values())
