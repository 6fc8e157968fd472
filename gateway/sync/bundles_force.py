"""What is in force: put there by the ledger's commit of its number, restored at a start, ended by its expiry, taken
back by a person.

Nothing here fetches or listens; what comes in has been verified and is news.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence

import msgspec

from gateway.identity.registry import Cache
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import BundleBody
from gateway.model.clock import Clock, ClockQuality
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict, GatewayError, InputRefused, LedgerError, NotFound, NotReady
from gateway.rules.engine import RuleSet
from gateway.sync import bundles_record as record
from gateway.sync.bundles_expiry import BundleState, counts, ends_ms
from gateway.sync.bundles_stage import Pieces, RulesInForce, compile_document, stage_registry, stage_rules
from gateway.wire.bundle import URGENT, BundleKind, Manifest, TrustedKey
from gateway.wire.contents import Blocks, KeySet, decode
from gateway.wire.trust import TrustList
from gateway.wire.trust import read as read_trust

log = logging.getLogger("bundles")


DAY_MS = 86_400_000
"""How far a signer's clock may be ahead of ours."""


class Force:
    """The bundles in force. `root` are the keys that may sign until a bundle of keys says otherwise."""

    def __init__(
        self,
        ledger: Ledger,
        cache: Cache,
        root: Sequence[TrustedKey],
        key_id: str,
        clock: Clock,
        on_rules: Callable[[RulesInForce], None],
        on_trust: Callable[[TrustList], None],
    ) -> None:
        self._ledger = ledger
        self._cache = cache
        self._key_id = key_id
        self._clock = clock
        self._on_rules = on_rules
        self._on_trust = on_trust
        self._in_force: dict[BundleKind, record.Past] = {}
        self._rules: RuleSet | None = None
        self._told: RulesInForce | None = None
        self._reached = False
        self._retired: frozenset[bytes] = frozenset()
        self.trusted = tuple(root)
        """The keys that may sign now."""
        self.newest_ms = 0
        """It is at least this late: somebody whom we trust has signed something then."""

    # Start -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Put in force what was in force at the last stop. What the cache has lost counts as number 0, or the one
        before it is in force again if it is there: the centre sends the newest with the next birth."""
        valid, self._retired = record.keys(self._ledger)
        self.trusted = valid or self.trusted
        self.newest_ms = record.newest_created_ms(self._ledger)
        for kind in BundleKind:
            if (row := record.row_of(self._ledger, kind)) is not None:
                self._start_with(kind, row)

    def _start_with(self, kind: BundleKind, row: record.Row) -> None:
        for number in (row.number, row.previous):
            told = record.past_of(self._ledger, kind, number) if number else None
            try:
                if told is None or not self._restore(told):
                    continue
            except GatewayError as error:
                # Without it the gateway still serves people and can fetch it again; without a start it cannot.
                log.error("bundle %s %d is not in force: %s", kind, number, error)
                continue
            if number != row.number:
                log.error("bundle %s %d is lost, %d is in force again", kind, row.number, number)
                body = BundleBody(bundle=kind.value, number=number, sha256=told.sha256, reason=f"{row.number} is lost")
                self._ledger.ride(_entry(EntryKind.BUNDLE_RETURNED, body))
            return

    def _restore(self, told: record.Past) -> bool:
        """False when the cache has it no more."""
        match told.kind:
            case BundleKind.REGISTRY:
                if not self._cache.use_registry(told.number):
                    return False
            case BundleKind.RULES:
                content = self._cache.staging.content(told.kind.value, told.number)
                if content is None:
                    return False
                if hashlib.sha256(content).hexdigest() != told.sha256:
                    raise InputRefused("the cache holds another content than the one that was signed")
                self._rules = compile_document(content, told.number)
            case BundleKind.BLOCKS:
                listed = record.blocks(self._ledger)
                self._block(listed)  # Also when it is not the one that was signed: these stay blocked.
                if listed is None or hashlib.sha256(listed).hexdigest() != told.sha256:
                    return False
            case BundleKind.TRUST:
                listed = record.trusted(self._ledger)
                if listed is None or hashlib.sha256(listed).hexdigest() != told.sha256:
                    return False
                self._on_trust(read_trust(listed))
            case BundleKind.KEYS:
                pass
        self._in_force[told.kind] = told
        self._set_ends()
        return True

    # Told ------------------------------------------------------------------------------------------------

    @property
    def numbers(self) -> dict[str, int]:
        """Number in force per kind."""
        return {kind.value: told.number for kind, told in self._in_force.items()}

    @property
    def states(self) -> tuple[BundleState, ...]:
        """Each of them, and until when it counts."""
        now, found = self._clock.wall_ms(), []
        for kind, told in self._in_force.items():
            end = self._end_of(told)
            found.append(BundleState(kind.value, told.number, end, counts(told.expires_ms, end, now)))
        return tuple(found)

    def is_news(self, manifest: Manifest) -> bool:
        """False for what is in force already. Raises `InputRefused` for what is old or has expired."""
        row = record.row_of(self._ledger, manifest.kind)
        if row is not None and manifest.number <= row.highest:
            _check_old(manifest, row)
            told = self._in_force.get(manifest.kind)
            return told is None or told.number != manifest.number
        stamp = self._clock.stamp()
        if stamp.quality is not ClockQuality.GUESS and manifest.created_ms > stamp.wall_ms + DAY_MS:
            # Its time would be taken for a proof of how late it is, and end what is in force.
            raise InputRefused("it was made in the future", "Correct the signer's clock", code="bundle_expired")
        if manifest.expires_ms and max(self._clock.wall_ms(), self.newest_ms) >= manifest.expires_ms:
            raise InputRefused("it has expired", code="bundle_expired")
        return True

    def set_reached(self, reached: bool) -> None:
        """Whether the centre can be reached: while it cannot, what has expired counts for its grace."""
        self._reached = reached
        self._set_ends()

    # Apply -----------------------------------------------------------------------------------------------

    async def apply_keys(self, manifest: Manifest, content: bytes) -> None:
        """From now on these keys may sign, and no other. One that has gone does not come back."""
        keys = decode(content, KeySet, "keys").parsed()
        returning = [key.name for key in keys if key.public in self._retired]
        if returning:
            raise InputRefused(f"key {returning[0]} was retired and cannot return", code="bundle_key")
        await self._commit(manifest, record.KeysInForce(keys, self.trusted))
        self.trusted, self._retired = record.keys(self._ledger)

    async def apply_blocks(self, manifest: Manifest, content: bytes) -> None:
        """From now on these cards are refused, whatever the registry says."""
        blocks = decode(content, Blocks, "blocks")
        if blocks.key_id != self._key_id:
            raise InputRefused(f"made with card key {blocks.key_id!r}, this gateway has {self._key_id!r}")
        await self._commit(manifest, record.BlocksInForce(content))
        self._block(content)

    async def apply_trust(self, manifest: Manifest, content: bytes) -> None:
        """From now on passes of these issuers count, and of those in the configuration."""
        listed = read_trust(content)
        await self._commit(manifest, record.TrustInForce(content))
        self._on_trust(listed)

    async def apply(self, manifest: Manifest, pieces: Pieces) -> None:
        """Stage and try rules or a registry, then put it in force. Whoever is judged meanwhile is judged by the old
        one, then by the new one, each whole."""
        loop = asyncio.get_running_loop()
        kind, cache = manifest.kind, self._cache
        if kind is BundleKind.RULES:
            in_force = len(self._rules) if self._rules is not None else 0
            rules = await loop.run_in_executor(None, stage_rules, cache, manifest, pieces, in_force)
            await self._commit(manifest)
            self._rules = rules
        else:
            await loop.run_in_executor(None, stage_registry, cache, manifest, pieces, self._key_id)
            await self._commit(manifest)
            cache.use_registry(manifest.number)
        self._set_ends()
        row = record.row_of(self._ledger, kind)
        try:
            await loop.run_in_executor(None, self._tidy, kind, manifest.number, row.previous if row is not None else 0)
        except (LedgerError, NotReady) as error:
            log.warning("older %s are not cleared away: %s", kind, error)  # With the next one, then.

    def _tidy(self, kind: BundleKind, number: int, previous: int) -> None:
        if kind is BundleKind.RULES:
            self._cache.staging.drop_other_content(kind.value, (number, previous))
        else:
            self._cache.drop_other_registries((number, previous))

    async def _commit(self, manifest: Manifest, *more: Effect) -> None:
        kind, number = manifest.kind, manifest.number
        body = BundleBody(bundle=kind.value, number=number, sha256=manifest.outcome)
        await self._ledger.commit([_entry(EntryKind.BUNDLE_APPLIED, body)], [record.InForce(manifest), *more])
        times = manifest.created_ms, manifest.expires_ms, manifest.grace_ms
        now = self._clock.wall_ms()
        self._in_force[kind] = record.Past(kind, number, manifest.outcome, *times, now, record.How.APPLIED)
        self.newest_ms = max(self.newest_ms, manifest.created_ms)
        log.info("bundle %s %d is in force", kind, number)

    def _block(self, content: bytes | None) -> None:
        digests = decode(content, Blocks, "blocks").digests if content is not None else ()
        self._cache.blocked = frozenset(map(bytes.fromhex, digests))

    def _end_of(self, told: record.Past) -> int:
        return ends_ms(told.expires_ms, told.grace_ms, reached=self._reached, newest_ms=self.newest_ms)

    def _set_ends(self) -> None:
        """Tell those who judge people when what they judge by stops counting, as things stand."""
        if (told := self._in_force.get(BundleKind.REGISTRY)) is not None:
            self._cache.ends_ms = self._end_of(told)
        if (told := self._in_force.get(BundleKind.RULES)) is not None and self._rules is not None:
            rules = RulesInForce(self._rules, self._end_of(told))
            if rules != self._told:
                self._told = rules
                self._on_rules(rules)

    # Back ------------------------------------------------------------------------------------------------

    async def go_back(self, kind: BundleKind) -> record.Past:
        """A person goes back to the bundle before. Recorded; the number never goes back: the next one to be applied
        must be newer than the highest that ever was. Raises `InputRefused`, `NotFound` or `LedgerError`."""
        if kind in URGENT:
            raise InputRefused(f"{kind} are never taken back", "Sign a newer bundle", code="bundle_kind")
        row = record.row_of(self._ledger, kind)
        told = record.past_of(self._ledger, kind, row.previous) if row is not None and row.previous else None
        if row is None or told is None or not self._is_kept(told):
            raise NotFound(f"no {kind} before these are kept here", "Sign a newer bundle", code="bundle_unknown")
        reason = f"a person went back from {row.number}"
        body = BundleBody(bundle=kind.value, number=told.number, sha256=told.sha256, reason=reason)
        effect = record.WentBack(told, record.How.ROLLED_BACK)
        try:
            await self._ledger.commit([_entry(EntryKind.BUNDLE_RETURNED, body)], [effect])
        except Conflict as error:
            raise NotFound(error.what, "Look again", code="bundle_unknown") from error
        self._restore(told)
        log.warning("bundle %s: %s to %d", kind, reason, told.number)
        return msgspec.structs.replace(told, how=record.How.ROLLED_BACK, at_ms=self._clock.wall_ms())

    def _is_kept(self, told: record.Past) -> bool:
        if told.kind is BundleKind.REGISTRY:
            return self._cache.probe(told.number, ())
        content = self._cache.staging.content(told.kind.value, told.number)
        return content is not None and hashlib.sha256(content).hexdigest() == told.sha256


def _check_old(manifest: Manifest, row: record.Row) -> None:
    """Only the highest is taken again, the very same, when the cache has lost it. Raises `InputRefused`."""
    fault = ""
    if manifest.number < row.highest:
        fault = f"number {manifest.number} is older than {row.highest}, which was in force"
    elif manifest.outcome != row.highest_sha256:
        fault = f"another content under number {row.highest}, which was in force"
    elif row.rolled_back:
        fault = f"a person here went back from {row.highest} to {row.number}"
    if fault:
        raise InputRefused(fault, code="bundle_old")


def _entry(kind: EntryKind, body: BundleBody) -> NewEntry:
    return NewEntry(Stream.AUDIT, kind, msgspec.json.encode(body))
