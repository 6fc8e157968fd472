"""A card is lost: what an officer types at the centre, until an online gate lets nobody in with it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gateway.cli.demo.acts import DESK, GATE
from gateway.cli.demo.town import CARD_KEY_ID, CITY, GATEWAY, PEOPLE
from gateway.cli.exits import Exit
from gateway.model.entry import EntryKind
from gateway.model.identification import CredentialKind
from tests.cli.conftest import smartplace
from tests.end_to_end.house import House

WITHIN_S = 60.0
"""What ARCHITECTURE promises of a blocked card."""
NAME = "karlis"


class Office:
    """The officer's desk: the centre's verbs, on the store of the running centre."""

    def __init__(self, house: House, folder: Path) -> None:
        self._town = house.town
        self._folder = folder
        self._settings = house.town.folder / "centre.json"
        given = {"city": CITY, "store": "centre.db", "keys": ["keys/bundles.pub"]}
        self._settings.write_text(json.dumps(given), encoding="utf-8")
        person = next(person for person in PEOPLE if person.name == NAME)
        self._card = f"{CredentialKind.SUN_CARD},{person.uid.hex()}"
        self._key = "--card-key", str(house.town.keys / "card.hex"), "--card-key-id", CARD_KEY_ID

    def register(self) -> None:
        people = self._file("people.csv", f"holder,entitlements,kind,id\nholder-1,pupil,{self._card}\n")
        self._does("holders", "import", people, "--as", "anna", *self._key, "--zone", "Europe/Riga")

    def block(self) -> Path:
        """Blocks the card and writes the list of blocked cards, signed."""
        listed, bundle = self._folder / "city.blocks", self._folder / "blocks.bundle"
        cards = self._file("lost.csv", f"kind,id\n{self._card}\n")
        self._does("holders", "block", cards, "--as", "anna", *self._key)
        self._does("blocks", "--out", str(listed))
        _done("bundle", "build", "blocks", "--city", CITY, "--content", str(listed), "-o", str(bundle))
        _done("bundle", "sign", str(bundle), "--key", str(self._town.keys / "bundles.key"))
        return bundle

    def publish(self, bundle: Path, *more: str) -> tuple[int, str, str]:
        done = smartplace("centre", "publish", bundle, *more, "--config", self._settings, timeout=WITHIN_S + 20)
        return done.returncode, done.stdout, done.stderr

    def _does(self, *arguments: str) -> None:
        _done("centre", *arguments, "--config", str(self._settings))

    def _file(self, name: str, text: str) -> str:
        file = self._folder / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        return str(file)


def _done(*arguments: str) -> None:
    done = smartplace(*arguments)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def office(house: House, tmp_path: Path) -> Office:
    return Office(house, tmp_path)


def test_it_is_refused_within_a_minute_at_a_gate_that_is_online(house: House, office: Office) -> None:
    office.register()
    house.acts.people_walk_through(True)
    house.acts.tap(GATE, NAME, "open", "", then="passed")
    began = time.monotonic()
    code, out, _ = office.publish(office.block(), "--wait", str(WITHIN_S), "--json")
    told = json.loads(out)
    assert (code, told["kind"], told["online"], told["unreached"]) == (0, "blocks", [GATEWAY], [])
    house.acts.tap(GATE, NAME, "refused", "", reason="blocked")
    assert time.monotonic() - began < WITHIN_S
    house.acts.tap(DESK, "zane", "accepted", "")
    house.drain()
    assert EntryKind.BUNDLE_APPLIED in [row.kind for row in house.at_the_centre()]


def test_who_is_not_reached_is_named(house: House, office: Office) -> None:
    office.register()
    house.rig.stop_gateway()
    code, out, _ = office.publish(office.block(), "--wait", str(WITHIN_S))
    assert code == 0, "who is offline is listed, and not waited for"
    assert "of its gateways online: 0" in out
    assert [line.split() for line in out.splitlines()[-1:]] == [[GATEWAY, "offline", "-"]]


def test_what_the_centre_may_not_publish_is_refused_and_not_kept(house: House, office: Office, tmp_path: Path) -> None:
    office.register()
    bundle = office.block()
    forged = json.loads(bundle.read_text(encoding="utf-8"))
    forged["signature"] = forged["signature"][:-9] + "AAAAAAAA\n"
    (tmp_path / "forged.bundle").write_text(json.dumps(forged), encoding="utf-8")
    (tmp_path / "empty.bundle").write_bytes(b"")
    for name, expected in (("forged", Exit.REFUSED), ("empty", Exit.BAD_FILE), ("nowhere", Exit.BAD_FILE)):
        code, _, error = office.publish(tmp_path / f"{name}.bundle")
        assert (code, error.count("\n")) == (expected, 1), error
    assert office.publish(bundle)[0] == 0
    again, _, error = office.publish(bundle)
    assert again == Exit.REFUSED
    assert "already published" in error
