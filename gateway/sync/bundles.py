"""Bundles down: verified, staged in the cache, put in force by the ledger's commit of their number. Whole or not.

The number never goes back; a refused bundle changes nothing and is recorded with its reason.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import BundleBody
from gateway.model.clock import Clock, Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict, GatewayError, InputRefused, LedgerError
from gateway.rules.check import check
from gateway.rules.document import load
from gateway.rules.engine import RuleSet
from gateway.rules.index import compile as compile_rules
from gateway.wire.bundle import MAX_CONTENT, BundleKind, Manifest, SignedBundle, TrustedKey, verify
from gateway.wire.contents import RegistryContent

log = logging.getLogger("bundles")

MAX_WAITING = 4
"""Bundles in memory at a time: each may be megabytes."""
MAX_PAYLOAD = MAX_CONTENT * 3 // 2
"""Base64 makes four bytes of three; the rest is room for manifest and signature."""


class RulesInForce(msgspec.Struct, frozen=True):
    """Compiled rules and when they stop counting (ms since 1970, 0 for never)."""

    rules: RuleSet
    expires_ms: int


class BundleNumber(msgspec.Struct, frozen=True):
    """Effect: this number is now in force."""

    kind: BundleKind
    number: int
    sha256: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = db.execute("SELECT number FROM bundle WHERE kind=?", (self.kind,)).fetchone()
        if row is not None and row[0] > self.number:
            raise Conflict(f"bundle {self.kind} {row[0]} is in force, {self.number} is older")
        values = (self.kind, self.number, self.sha256, now.wall_ms)
        db.execute("INSERT OR REPLACE INTO bundle VALUES (?,?,?,?)", values)


class Bundles:
    """Takes bundles in and knows which are in force."""

    def __init__(
        self,
        ledger: Ledger,
        cache: Cache,
        trusted: Sequence[TrustedKey],
        gateway: tuple[str, str, str],
        clock: Clock,
        on_rules: Callable[[RulesInForce], None],
    ) -> None:
        self._ledger = ledger
        self._cache = cache
        self._trusted = tuple(trusted)
        self._city, self._gateway, self._key_id = gateway
        self._clock = clock
        self._on_rules = on_rules
        self._in_force: dict[BundleKind, tuple[int, str]] = {}
        self._refused: deque[bytes] = deque(maxlen=16)
        self._strangers = 0
        self._waiting = 0
        self._one_at_a_time = asyncio.Lock()

    def start(self) -> None:
        """Put in force what was in force at the last stop. What the cache has lost counts as number 0: the centre
        sends it again at the next birth."""
        for kind, number, sha256 in self._ledger.query("SELECT kind, number, sha256 FROM bundle"):
            try:
                restored = self._restore(BundleKind(kind), number, sha256)
            except GatewayError as error:
                # Without it the gateway still serves people and can fetch it again; without a start it cannot.
                log.error("bundle %s %d is not in force: %s", kind, number, error)
                restored = False
            if restored:
                self._in_force[BundleKind(kind)] = (number, sha256)

    def _restore(self, kind: BundleKind, number: int, sha256: str) -> bool:
        match kind:
            case BundleKind.REGISTRY:
                if not self._cache.use_registry(number):
                    return False
                self._cache.drop_other_registries()
                return True
            case BundleKind.RULES:
                stored = self._cache.content(kind, number)
                if stored is None:
                    return False
                expires_ms, content = stored
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise InputRefused("the cache holds another content than the one that was signed")
                self._on_rules(RulesInForce(compile_rules(load(content), number), expires_ms))
                return True

    @property
    def numbers(self) -> dict[str, int]:
        """Number in force per kind."""
        return {kind.value: number for kind, (number, _) in self._in_force.items()}

    async def take(self, payload: bytes) -> None:
        """A bundle from the wire. Applied or refused, recorded either way; never raises for what it holds.

        Raises `LedgerError` when the disk refuses: nothing is in force then that was not before.
        """
        if self._waiting >= MAX_WAITING:
            log.warning("a bundle was dropped: %d are waiting", self._waiting)
            return  # The centre sends it again with the next birth.
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                await self._take(payload)
        finally:
            self._waiting -= 1

    async def _take(self, payload: bytes) -> None:
        manifest: Manifest | None = None
        try:
            bundle, signed = await asyncio.get_running_loop().run_in_executor(None, self._open, payload)
            manifest = signed
            if self._is_news(signed):
                await self._apply(signed, bundle.content)
        except LedgerError:
            raise
        except GatewayError as error:
            await self._refuse(manifest, error)

    def _open(self, payload: bytes) -> tuple[SignedBundle, Manifest]:
        """Megabytes to decode and to hash: not in the event loop."""
        if len(payload) > MAX_PAYLOAD:
            raise InputRefused(f"{len(payload)} bytes are more than any bundle has")
        try:
            bundle = msgspec.json.decode(payload, type=SignedBundle)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InputRefused(f"not a bundle: {error}") from error
        return bundle, verify(bundle, self._trusted)

    def _is_news(self, manifest: Manifest) -> bool:
        """False for what is in force already. Raises `InputRefused` for what is not for us, old or expired."""
        if manifest.city != self._city or manifest.target not in ("*", self._gateway):
            raise InputRefused(f"made for {manifest.city}/{manifest.target}")
        known = self._ledger.query("SELECT number, sha256 FROM bundle WHERE kind=?", (manifest.kind,))
        number, sha256 = known[0] if known else (0, "")
        if manifest.number < number:
            raise InputRefused(f"number {manifest.number} is older than {number}, which is in force")
        if manifest.number == number:
            if manifest.sha256 != sha256:
                raise InputRefused(f"another content under number {number}, which is in force")
            return manifest.kind not in self._in_force
        if manifest.expires_ms and self._clock.wall_ms() >= manifest.expires_ms:
            raise InputRefused("it has expired")
        return True

    async def _apply(self, manifest: Manifest, content: bytes) -> None:
        loop = asyncio.get_running_loop()
        kind, number = manifest.kind, manifest.number
        rules: RulesInForce | None = None
        match kind:
            case BundleKind.RULES:
                rules = await loop.run_in_executor(None, _compile, manifest, content)
                self._cache.stage_content(kind, number, manifest.expires_ms, content)
            case BundleKind.REGISTRY:
                await loop.run_in_executor(None, self._stage_registry, number, content)
        body = BundleBody(bundle=kind.value, number=number, sha256=manifest.sha256)
        entry = NewEntry(Stream.AUDIT, EntryKind.BUNDLE_APPLIED, msgspec.json.encode(body))
        await self._ledger.commit([entry], [BundleNumber(kind, number, manifest.sha256)])
        self._in_force[kind] = (number, manifest.sha256)
        if rules is not None:
            self._on_rules(rules)
            self._cache.drop_older_content(kind, number)
        else:
            self._cache.use_registry(number)
            await loop.run_in_executor(None, self._cache.drop_other_registries)
        log.info("bundle %s %d is in force", kind, number)

    def _stage_registry(self, number: int, content: bytes) -> None:
        try:
            registry = msgspec.json.decode(content, type=RegistryContent)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InputRefused(f"registry: {error}") from error
        self._cache.stage_registry(number, registry, self._key_id)

    async def _refuse(self, manifest: Manifest | None, error: GatewayError) -> None:
        """A centre that repeats a bundle at each birth must not fill the audit stream, nor must a stranger: what
        nobody trusted has signed gets one entry for the first, then one for each tenfold."""
        kind = manifest.kind.value if manifest else "unknown"
        number = manifest.number if manifest else 0
        encoded = msgspec.json.encode(BundleBody(bundle=kind, number=number, reason=str(error)[:300]))
        if manifest is None:
            self._strangers += 1
            if str(self._strangers).rstrip("0") != "1":
                return
        elif encoded in self._refused:
            return
        else:
            self._refused.append(encoded)
        log.warning("bundle %s %d refused: %s", kind, number, error)
        await self._ledger.commit([NewEntry(Stream.AUDIT, EntryKind.BUNDLE_REFUSED, encoded)])


def _compile(manifest: Manifest, content: bytes) -> RulesInForce:
    document = load(content)
    check(document)
    return RulesInForce(compile_rules(document, manifest.number), manifest.expires_ms)
