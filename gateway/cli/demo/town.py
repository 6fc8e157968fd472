"""The demo's little town: keys, people and their cards, the signed bundles, and the work folder that holds it all."""

from __future__ import annotations

import json
import os
import re
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.centre.holders import ImportedCredential, ImportedHolder, asked_by, build_registry
from gateway.centre.publisher import write_bundle
from gateway.centre.sign import build_bundle, generate_key, load_key
from gateway.config.files import bundled
from gateway.model.identification import CredentialKind
from gateway.rules.read import load as load_rules
from gateway.wire import passes
from gateway.wire.bundle import BundleKind
from gateway.wire.contents import Standing
from gateway.wire.credentials import digest, pass_id
from gateway.wire.registry import encode

CITY, GATEWAY, ISSUER = "jelgava", "demo-jelgava", "jelgava.demo"
CARD_KEY_ID = "demo1"
FOREIGN_ISSUER = "elsewhere.demo"
DAY_S = 86_400


class Person(msgspec.Struct, frozen=True):
    """Someone who comes by this morning. `uid` for a card, `pass_number` for a pass on the phone, which is for so many
    `persons`; `hands_over`: the phone gives it to a card reader."""

    name: str
    kind: CredentialKind
    entitlements: tuple[str, ...]
    uid: bytes = b""
    pass_number: bytes = b""
    language: str = "lv"
    standing: Standing = Standing.ACTIVE
    registered: bool = True
    persons: int = 1
    hands_over: bool = False


PEOPLE = (
    Person("anna", CredentialKind.CARD, ("c1", "p1"), bytes.fromhex("04A1B2C3D4E501")),
    Person("peteris", CredentialKind.CARD, ("c1", "s2"), bytes.fromhex("04A1B2C3D4E502"), language="ru"),
    Person("zane", CredentialKind.SUN_CARD, ("c1", "p1"), bytes.fromhex("04DE5F1EACC001")),
    Person("karlis", CredentialKind.SUN_CARD, ("c1", "p1"), bytes.fromhex("04DE5F1EACC002"), language="lt"),
    Person("ilze", CredentialKind.PASS, ("c1", "s1"), pass_number=bytes.fromhex("1DA2B3C4D5E6F708"), language="en"),
    Person("lost-card", CredentialKind.CARD, ("c1",), bytes.fromhex("04A1B2C3D4E503"), standing=Standing.BLOCKED),
    Person(
        "class",
        CredentialKind.PASS,
        ("c1", "p1"),
        pass_number=bytes.fromhex("1DA2B3C4D5E6F709"),
        persons=6,
        hands_over=True,
    ),
    Person("stranger", CredentialKind.CARD, (), bytes.fromhex("04A1B2C3D4E504"), registered=False),
)


class Town:
    """The work folder. `prepare` fills it; what stands there already is kept, so that a demo can go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.devices = folder / "devices"
        self.logs = folder / "logs"
        self.cards = folder / "cards.json"
        self.paper = folder / "paper.txt"
        self.centre_store = folder / "centre.db"

    def prepare(self, ports: Mapping[str, int], protocol: str = "auto") -> None:
        """Keys, cards, bundles and the configuration with these ports (`broker`, `pages`, `camera`, `netfp`) and the
        version of MQTT that the broker speaks."""
        for folder in (self.folder, self.keys, self.devices, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._make_keys()
        self.write_cards()
        self._write_bundles()
        text = _with_ports(bundled("demo.toml").read_text(encoding="utf-8"), ports)
        text = text.replace("\nkeepalive_s", f'\nprotocol = "{protocol}"\nkeepalive_s')
        self.config.write_text(text.replace('"/run/smartplace-demo/', f'"{self.devices}/'), encoding="utf-8")

    @property
    def config(self) -> Path:
        return self.folder / "gateway.toml"

    @property
    def time_zone(self) -> str:
        """The place's, which devices that tell local time are set to."""
        zone: str = tomllib.loads(self.config.read_text(encoding="utf-8"))["gateway"]["time_zone"]
        return zone

    @property
    def state(self) -> Path:
        """The gateway's own folder."""
        return self.folder / "state"

    @property
    def bundles(self) -> list[Path]:
        return [self.folder / "rules.bundle", self.folder / "registry.bundle"]

    def digest(self, person: Person) -> str:
        """The keyed digest that this person's credential has in entries (hex): for counting from outside."""
        canonical = person.uid or pass_id(ISSUER, person.pass_number.hex())
        return digest(self._card_key, person.kind, canonical).hex()

    def pass_text(self, person: Person) -> str:
        """A fresh signed pass of this person, as a phone shows it."""
        raw = bytes.fromhex((self.keys / "passes.hex").read_text(encoding="ascii"))
        return _pass(Ed25519PrivateKey.from_private_bytes(raw), ISSUER, person)

    def forged_pass(self, person: Person) -> str:
        """The same, signed by someone who is not the issuer."""
        return _pass(Ed25519PrivateKey.generate(), ISSUER, person)

    def foreign_pass(self, person: Person) -> str:
        """A pass of an issuer that this place does not know."""
        return _pass(Ed25519PrivateKey.generate(), FOREIGN_ISSUER, person)

    def _make_keys(self) -> None:
        for name, size in (("card", 32), ("sun-meta", 16), ("sun-master", 16), ("passes", 32)):
            file = self.keys / f"{name}.hex"
            if not file.exists():
                _write_secret(file, os.urandom(size).hex().encode())
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((self.keys / "passes.hex").read_text("ascii")))
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self.keys / "passes.pem").write_bytes(public)
        if not (self.keys / "bundles.key").exists():
            (self.keys / "bundles.pub").write_text(generate_key(self.keys / "bundles.key"), encoding="ascii")
        self._card_key = bytes.fromhex((self.keys / "card.hex").read_text(encoding="ascii"))

    def write_cards(self, people: Sequence[Person] = PEOPLE) -> None:
        """What these people hold to a reader, their passes fresh."""
        secrets = {
            "meta_key": (self.keys / "sun-meta.hex").read_text(encoding="ascii"),
            "master_key": (self.keys / "sun-master.hex").read_text(encoding="ascii"),
        }
        cards: dict[str, object] = {}
        for person in people:
            match person.kind:
                case CredentialKind.CARD:
                    cards[person.name] = {"type": "type2", "uid": person.uid.hex()}
                case CredentialKind.SUN_CARD:
                    cards[person.name] = {"type": "ntag424", "uid": person.uid.hex(), **secrets}
                case CredentialKind.PASS if person.hands_over:
                    cards[person.name] = {"type": "phone", "text": self.pass_text(person)}
                case _:
                    continue
        cards["copy-of-zane"] = {"type": "replay", "of": "zane"}
        _write_secret(self.cards, json.dumps(cards).encode())

    def _write_bundles(self) -> None:
        """Rules and registry, signed and numbered by the clock, so that each demo's are newer."""
        rules = bundled("bundles/demo-rules.json").read_bytes()
        number = int(time.time())
        document = load_rules(rules)
        holders = [_imported(person) for person in PEOPLE if person.registered]
        registry = build_registry(holders, self._card_key, CARD_KEY_ID, asked_by(document))
        key = load_key(self.keys / "bundles.key")
        contents = {BundleKind.RULES: rules, BundleKind.REGISTRY: encode(registry)}
        for (kind, content), file in zip(contents.items(), self.bundles, strict=True):
            bundle = build_bundle(
                kind,
                number,
                CITY,
                "*",
                content,
                key,
                created_ms=number * 1000,
                expires_ms=(number + 365 * DAY_S) * 1000,
            )
            write_bundle(file, bundle)


def _pass(key: Ed25519PrivateKey, issuer: str, person: Person) -> str:
    now_s = int(time.time())
    claims = passes.Claims(
        issuer=issuer,
        pass_id=person.pass_number,
        issued_s=now_s,
        expires_s=now_s + DAY_S,
        persons=person.persons,
    )
    return passes.issue(key, claims).decode("ascii")


def _imported(person: Person) -> ImportedHolder:
    number = person.pass_number.hex() if person.kind is CredentialKind.PASS else person.uid.hex()
    issuer = ISSUER if person.kind is CredentialKind.PASS else ""
    credential = ImportedCredential(kind=person.kind, id=number, issuer=issuer, standing=person.standing)
    return ImportedHolder(
        holder=f"holder-{person.name}",
        entitlements=person.entitlements,
        language=person.language,
        credentials=(credential,),
    )


def _with_ports(text: str, ports: Mapping[str, int]) -> str:
    """The demo's configuration with this run's ports in the lines marked DEMO."""
    text = re.sub(r"port = \d+(\s+# DEMO: the broker)", rf"port = {ports['broker']}\1", text)
    text = re.sub(r"port = \d+(\s+# DEMO: the pages)", rf"port = {ports['pages']}\1", text)
    text = re.sub(r"port = \d+(\s+# DEMO: the port for programs)", rf"port = {ports['netfp']}\1", text)
    return re.sub(r"127\.0\.0\.1:\d+/[^\"]*(\" \} # DEMO: the camera)", rf"127.0.0.1:{ports['camera']}/\1", text)


def _write_secret(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
