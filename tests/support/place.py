"""A place with everything but devices: real ledger, cache, keys, rules; a clock and outputs that tests steer.

`crash` is a power cut as its files see it: new objects on a copy of what was on disk at that moment.
"""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.simulators import card_crypto, cards
from gateway.config.types import LedgerSection
from gateway.identity.identify import Identity
from gateway.identity.keys import Keys
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import Entry, EntryKind, Stream
from gateway.model.identification import CredentialKind
from gateway.model.reading import CardReading, CodeReading
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.stations.benefits import Benefits, Profile
from gateway.stations.board import Board
from gateway.stations.services import Services
from gateway.wire import credentials, passes
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder, Standing
from gateway.wire.cose_keys import PrivateKey, public_of
from gateway.wire.trust import IssuerKey, TrustedIssuer, TrustList
from tests.support.clock import FakeClock
from tests.support.outputs import ScriptedOutputs

CARD_KEY = bytes(range(32))
META_KEY = bytes.fromhex("11" * 16)
MASTER_KEY = bytes.fromhex("22" * 16)
ISSUER = "jelgava"
ISSUER_KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("33" * 32))
PARTNER, PARTNER_CITY = "siauliai.passes", "siauliai"
PARTNER_KEY = generate_private_key(SECP256R1())
TRUST = TrustList(
    (
        TrustedIssuer(
            PARTNER,
            PARTNER_CITY,
            (IssuerKey(base64.b64encode(public_of(PARTNER_KEY).spki()).decode(), "2026"),),
            entitlements=("c1", "m1"),
            persons=30,
            longest_s=86_400,
        ),
    )
)
"""A partner city's issuer with one P-256 key, whose passes live for a day at most."""
KEYS = Keys(CARD_KEY, "k1", META_KEY, MASTER_KEY, {ISSUER: public_of(ISSUER_KEY)}, TRUST)

FREE, HALF = "museum.free", "museum.half"
UIDS = {name: bytes([4, number, 0, 0, 0, 0, 1]) for number, name in enumerate(("anna", "berta", "carl", "dora"))}
"""SUN cards: anna enters free, berta at half price, carl's card is blocked, dora is not in the registry."""
PASS_ID = b"anna-pass"
BARCODE = b"LV-000123"
BEACON = "ibeacon:f7826da64fa24e988024bc5b71e0893e:1:7"


def digest(kind: CredentialKind, canonical: bytes) -> str:
    return credentials.digest(CARD_KEY, kind, canonical).hex()


def registry() -> RegistryContent:
    """Anna with card, pass and library barcode; Berta and Carl with a card each."""
    anna_pass = credentials.pass_id(ISSUER, PASS_ID.hex())
    return RegistryContent(
        key_id="k1",
        holders=(
            RegistryHolder("h-anna", (FREE,), "lv"),
            RegistryHolder("h-berta", (HALF,)),
            RegistryHolder("h-carl", (FREE,)),
        ),
        credentials=(
            RegistryCredential(CredentialKind.SUN_CARD, digest(CredentialKind.SUN_CARD, UIDS["anna"]), "h-anna"),
            RegistryCredential(CredentialKind.PASS, digest(CredentialKind.PASS, anna_pass), "h-anna"),
            RegistryCredential(CredentialKind.BARCODE, digest(CredentialKind.BARCODE, BARCODE), "h-anna"),
            RegistryCredential(CredentialKind.BEACON, digest(CredentialKind.BEACON, BEACON.encode()), "h-anna"),
            RegistryCredential(CredentialKind.SUN_CARD, digest(CredentialKind.SUN_CARD, UIDS["berta"]), "h-berta"),
            RegistryCredential(
                CredentialKind.SUN_CARD, digest(CredentialKind.SUN_CARD, UIDS["carl"]), "h-carl", Standing.BLOCKED
            ),
        ),
    )


def benefit(id: str, group: str, points: int) -> dict[str, Any]:
    return {
        "id": id,
        "version": 1,
        "title": {"en": id},
        "legal_basis": "test",
        "who": {"any_of_groups": [group]},
        "give": {"kind": "percent", "basis_points": points},
        "payers": [{"party": "city", "form": "discount", "rest": True}],
        "message": {"en": "Welcome", "lv": "Laipni lūdzam"},
    }


RULES = json.dumps({"schema": 1, "rules": [benefit("free", FREE, 10_000), benefit("half", HALF, 5_000)]}).encode()


class Card(cards.Ntag424):
    """A genuine card of one of `UIDS`, personalised with this place's keys."""

    def __init__(self, name: str = "anna", counter: int = 0) -> None:
        super().__init__(UIDS[name], META_KEY, card_crypto.diversify(MASTER_KEY, UIDS[name]), counter)

    def tap(self, place: Place, device: str = "nfc-1") -> CardReading:
        """A fresh reading with a new message."""
        return CardReading(device, place.clock.mono_ns(), self.uid, self.message())


class Place:
    """Use: `place = Place(folder)`, `place.start()`, stations on `place.services`, `await place.stop()`."""

    def __init__(self, folder: Path, clock: FakeClock | None = None) -> None:
        self.folder = folder
        self.clock = clock if clock is not None else FakeClock()
        self.outputs = ScriptedOutputs(self.clock.mono_ns)
        self.limits = LedgerSection()
        self._runs = False

    @property
    def ledger_path(self) -> Path:
        return self.folder / "ledger.db"

    def start(self) -> Place:
        self.ledger = Ledger(self.ledger_path, "gw-test", self.clock, self.limits)
        self.ledger.start()
        self.cache = Cache(self.folder / "cache.db")
        self.cache.start()
        if not self.cache.use_registry(1):
            self.cache.stage_registry(1, registry(), "k1")
            self.cache.use_registry(1)
        self.board = Board(self.clock)
        self.benefits = Benefits(self.clock, Profile(time_zone="Europe/Riga", languages=("lv", "en")))
        self.benefits.use(compile_rules(load(RULES), 7), 0)
        identity = Identity(KEYS, self.cache, self.ledger.query)
        self.services = Services(self.ledger, identity, self.benefits, self.outputs, self.board, self.clock)
        self._runs = True
        return self

    async def stop(self) -> None:
        """Also after a crash, when there is nothing left to stop."""
        if self._runs:
            self._runs = False
            await self.ledger.stop()
            self.cache.stop()

    async def settle(self) -> None:
        """Until entries that ride with other commits are on disk."""
        await self.ledger.commit([])  # takes the riders along, behind itself
        await self.ledger.commit([])

    async def crash(self) -> Place:
        """The same place after a power cut now: what was not on disk is gone, and so is every object."""
        after = Place(self.folder.with_name(self.folder.name + "+"), self.clock)
        after.folder.mkdir()
        for file in self.folder.iterdir():
            if not file.name.endswith("-shm"):
                shutil.copy(file, after.folder)
        await self.stop()
        after.outputs = self.outputs
        return after.start()

    def pass_reading(self, device: str = "cam-1", *, key: PrivateKey = ISSUER_KEY, **more: Any) -> CodeReading:
        """Anna's pass, valid for an hour."""
        return self.code_reading(self.pass_text(key, **more), device)

    def pass_text(self, key: PrivateKey = ISSUER_KEY, key_id: bytes = b"", **more: Any) -> bytes:
        expires_s = self.clock.wall_ms() // 1000 + 3600
        claims = passes.Claims(**{"issuer": ISSUER, "pass_id": PASS_ID, "expires_s": expires_s, **more})
        return passes.issue(key, claims, key_id=key_id)

    def code_reading(self, text: bytes, device: str = "cam-1") -> CodeReading:
        return CodeReading(device, self.clock.mono_ns(), "QRCode", text)

    def entries(self, *streams: Stream) -> list[Entry]:
        """What is on disk, by stream and number."""
        chosen = streams or (Stream.RECEIPT, Stream.IDENTIFICATION)
        return [entry for stream in chosen for entry in self.ledger.read(stream, 0, -1)]

    def kinds(self, *streams: Stream) -> list[EntryKind]:
        return [entry.header.kind for entry in self.entries(*streams)]

    def bodies(self, kind: EntryKind) -> list[dict[str, Any]]:
        """Bodies of this kind, as a stranger's JSON decoder sees them."""
        return [json.loads(e.body or b"null") for e in self.entries(*Stream) if e.header.kind is kind]

    def on_disk(self, stream: Stream = Stream.RECEIPT) -> int:
        """Newest committed number, seen by another connection to the file."""
        db = sqlite3.connect(f"file:{self.ledger_path}?mode=ro", uri=True)
        try:
            (newest,) = db.execute(f"SELECT coalesce(max(seq), 0) FROM {stream.value}").fetchone()
            return int(newest)
        finally:
            db.close()


class SlowDisk:
    """While this lives no commit of the place ends: another connection holds the ledger's write lock."""

    def __init__(self, place: Place) -> None:
        self._db = sqlite3.connect(place.ledger_path, isolation_level=None)

    def __enter__(self) -> SlowDisk:
        self._db.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, *_: object) -> None:
        self._db.execute("ROLLBACK")
        self._db.close()
