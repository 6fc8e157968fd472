"""A class of thirty and its teachers at the museum's gate, on the real gateway, and what the centre knows of it: one
decision, an opening for each, and whoever does not come is given back with the quota's units."""

from __future__ import annotations

from collections import Counter

import msgspec

from gateway.cli.demo.acts import ANSWERS, GATE, SHOWN_S
from gateway.cli.demo.check import check
from gateway.cli.demo.rig import PRINTER, RELAY
from gateway.cli.demo.town import PEOPLE
from gateway.model.entry import EntryKind
from gateway.wire.bundle import BundleKind
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import Body, House, until
from tests.faults.bundles import next_bundles
from tests.faults.quota_count import books_of
from tests.rules.builders import document, percent, rule

CLASS = next(person for person in PEOPLE if person.name == "class")
PERSONS, CAME = 30, 28
TRIES = 3
VISITS = {"key": "visits", "unit": "units", "limit": 40, "period": "ever"}
RULES = document(
    rule(
        "museum",
        who={"any_of_groups": ["p1"]},
        what={"categories": ["admission"]},
        give=percent(10_000),
        quota=[VISITS],
    )
)
OF_GATE = (EntryKind.ADMISSION, EntryKind.OPENED, EntryKind.PASSED, EntryKind.VOID)


def open_house(house: House) -> None:
    """Gate, broker, centre and gateway, with a quota of visits, and a teacher whose pass is for thirty."""
    rig, town = house.rig, house.town
    rig.prepare()
    next_bundles(town, {BundleKind.RULES: RULES})
    town.write_cards([*PEOPLE, msgspec.structs.replace(CLASS, persons=PERSONS)])
    text = town.config.read_text(encoding="utf-8")
    text = text.replace("outputs = 2, inputs = 2", "outputs = 2, inputs = 2, input_ms = 10")
    text = text.replace("passage_s = 3.0", "passage_s = 1.0\ngroup_pause_ms = 0")
    town.config.write_text(text, encoding="utf-8")
    rig.start_devices("gate-reader", RELAY, PRINTER)
    rig.start_broker()
    rig.start_centre()  # First, so that it hears the gateway's first word about quotas; the next would be 5 s later.
    rig.start_gateway()
    house.follow()
    rig.until(
        lambda: {"gate-reader", RELAY} <= rig.pids().keys() and len(rig.status()["sync"]["bundles"]) == 2,
        "the gate and both bundles",
    )


def let_in(house: House, card: str, people: int) -> None:
    """Held to the reader; so many walk in, until nobody comes any more. Once more where the authority took longer to
    lease than a tap waits for it (0.4 s), as on a busy machine it may."""
    house.rig.children[RELAY].ask("auto_pass", channel=0, delay_ms=20, people=people, seen=True, on=people > 0)
    person = next(person for person in PEOPLE if person.name == card)
    for _ in range(TRIES):
        mark = house.watch.mark()
        house.acts.note_presented(GATE, person)
        house.rig.children["gate-reader"].ask("present", card=card)
        answer = house.watch.wait(GATE, ANSWERS, mark, SHOWN_S)
        assert answer is not None
        if answer["show"] == "open":
            assert house.watch.wait(GATE, ("void",), mark, SHOWN_S) is not None
            return
        assert answer["reason"] == "payment_due"
    raise AssertionError(f"no lease came for {card}")


def at_the_centre(house: House) -> list[tuple[EntryKind, Body]]:
    """What the gate has done."""
    house.drain()
    rows = [row for row in house.at_the_centre() if row.kind in OF_GATE]
    return [(row.kind, msgspec.json.decode(row.body or b"")) for row in rows]


def used(house: House) -> dict[str, int]:
    """Holder → visits that count as used, in the authority's books."""
    known = books_of(str(house.town.centre_store)).known
    return {cell.subject: units for (_, cell), units in known.items()}


def test_a_class_of_thirty_of_whom_two_do_not_come_and_a_gate_that_nobody_passes(new_house: NewHouse) -> None:
    house = new_house()
    open_house(house)
    let_in(house, "class", people=CAME)
    stored = at_the_centre(house)
    assert Counter(kind for kind, _ in stored) == {
        EntryKind.ADMISSION: 1,
        EntryKind.OPENED: CAME + 1,  # for the next one, too, who did not come
        EntryKind.PASSED: CAME,
        EntryKind.VOID: 1,
    }
    (admission,) = [body for kind, body in stored if kind is EntryKind.ADMISSION]
    assert admission["identification"]["persons"] == PERSONS
    assert admission["receipt"]["lines"][0]["quantity"] == PERSONS * 1000
    assert [use["units"] for use in admission["decision"]["uses"]] == [PERSONS]
    for kind, last in ((EntryKind.OPENED, CAME + 1), (EntryKind.PASSED, CAME)):
        assert [body.get("passage", 1) for one, body in stored if one is kind] == list(range(1, last + 1))
    (void,) = [body for kind, body in stored if kind is EntryKind.VOID]
    left = PERSONS - CAME
    assert (void["reason"], void["passed"], void["passages"]) == ("no_passage", CAME, left)
    assert [use["units"] for use in void["returned"]] == [left]
    assert house.acts.noted.pulses == CAME + 1, "one opening for each"
    until(lambda: used(house) == {"holder-class": CAME}, "the units of those who came")

    let_in(house, "karlis", people=0)
    stored = at_the_centre(house)[len(stored) :]
    assert [kind for kind, _ in stored] == [EntryKind.ADMISSION, EntryKind.OPENED, EntryKind.VOID]
    assert (stored[-1][1]["reason"], stored[-1][1].get("passages", 1)) == ("no_passage", 1)
    until(lambda: used(house) == {"holder-class": CAME, "holder-karlis": 0}, "the ride that nobody took")
    assert house.query("SELECT * FROM grant_open") == []
    verdict = check(house.acts.noted, house.at_the_centre())
    assert (verdict.lost, verdict.duplicates) == ((), ())
    assert house.rig.children["centre"].ask("reconcile", key="visits", period="ever") == []
