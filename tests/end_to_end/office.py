"""The officer's desk: the centre's verbs, on the store of a house's running centre."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.cli.demo.town import CARD_KEY_ID, CITY, PEOPLE
from gateway.config.files import bundled
from gateway.model.identification import CredentialKind
from tests.cli.conftest import smartplace
from tests.end_to_end.house import House

WITHIN_S = 60.0
"""What is promised of a blocked card: until a gate that is online refuses it."""


class Office:
    """One officer, who knows one person of the town with a genuine card."""

    def __init__(self, house: House, folder: Path, name: str) -> None:
        self._town = house.town
        self._folder = folder
        self._settings = house.town.folder / "centre.json"
        given = {"city": CITY, "store": "centre.db", "keys": ["keys/bundles.pub"]}
        self._settings.write_text(json.dumps(given), encoding="utf-8")
        person = next(person for person in PEOPLE if person.name == name)
        self._card = f"{CredentialKind.SUN_CARD},{person.uid.hex()}"
        self._holder = f"holder-{name}"
        self._key = "--card-key", str(house.town.keys / "card.hex"), "--card-key-id", CARD_KEY_ID

    def register(self) -> None:
        people = self._file("people.csv", f"holder,entitlements,kind,id\n{self._holder},p1,{self._card}\n")
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

    def registry(self) -> Path:
        """The registry of everybody who is in the store now, signed."""
        listed, bundle = self._folder / "city.registry", self._folder / "registry.bundle"
        rules = self._folder / "rules.json"
        rules.write_bytes(bundled("bundles/demo-rules.json").read_bytes())
        self._does("registry", "--rules", str(rules), "--out", str(listed))
        _done("bundle", "build", "registry", "--city", CITY, "--content", str(listed), "-o", str(bundle))
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
