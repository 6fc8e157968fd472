"""Bundles down: verified, fetched when they are large, tried, and put in force by the ledger's commit of their number.

Whole or not at all. The number never goes back; a refused bundle changes nothing and is recorded with its reason. Keys
and blocked cards have a lane of their own: they never wait for a registry that is being staged.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from gateway.identity.registry import Cache
from gateway.identity.staging import Offer
from gateway.ledger.ledger import Ledger
from gateway.model.clock import Clock
from gateway.model.errors import GatewayError, InputRefused, LedgerError, NotReady
from gateway.sync import bundles_record as record
from gateway.sync.bundles_expiry import BundleState
from gateway.sync.bundles_fetch import Fetcher
from gateway.sync.bundles_force import Force
from gateway.sync.bundles_offer import Fetching, Pace
from gateway.sync.bundles_refusals import Refusals
from gateway.sync.bundles_stage import Pieces, RulesInForce, check_pieces
from gateway.wire.bundle import (
    MAX_WHOLE,
    URGENT,
    BundleKind,
    Manifest,
    SignedBundle,
    TrustedKey,
    check_content,
    decode_bundle,
    open_manifest,
)
from gateway.wire.chunks import WantWhole
from gateway.wire.trust import TrustList

__all__ = ["Bundles", "BundlesStatus", "Pace", "RulesInForce"]

log = logging.getLogger("bundles")

MAX_WAITING = 16
"""Messages in memory at a time; each has at most 100 kB."""
MAX_QUEUED = 4
"""Of these, rules and registries that wait for the one before: the rest is for keys and blocked cards."""


class BundlesStatus(msgspec.Struct, frozen=True):
    """For status pages: what is in force and until when, what is being fetched."""

    in_force: tuple[BundleState, ...] = ()
    fetching: tuple[Fetching, ...] = ()
    refused: str = ""
    """Why the last one that was refused since the start was refused."""


class Bundles:
    """Takes bundles in and knows which are in force. `gateway` is city, gateway id and card key id; `root` are the
    keys that may sign until a bundle of keys says otherwise."""

    def __init__(
        self,
        ledger: Ledger,
        cache: Cache,
        root: Sequence[TrustedKey],
        gateway: tuple[str, str, str],
        clock: Clock,
        on_rules: Callable[[RulesInForce], None],
        *,
        on_trust: Callable[[TrustList], None] = lambda _listed: None,
        pace: Pace | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._ledger = ledger
        self._city, self._gateway, key_id = gateway
        self._cache = cache
        self._force = Force(ledger, cache, root, key_id, clock, on_rules, on_trust)
        self._refusals = Refusals(ledger)
        random_source = rng if rng is not None else random.Random()  # noqa: S311 - jitter, not a secret
        self._fetcher = Fetcher(cache.staging, self._refusals, self._fetched, pace or Pace(), random_source)
        self._ask: Callable[[bytes], object] | None = None
        self._waiting = self._queued = 0
        self._front = asyncio.Lock()
        self._heavy = asyncio.Lock()

    def start(self) -> None:
        """Put in force what was in force at the last stop, and remember what was on its way."""
        self._cache.resume()
        self._force.start()
        self._fetcher.start()

    def connected(self, ask: Callable[[bytes], object]) -> None:
        """The centre can be reached; `ask` publishes on `want`. Grace is over."""
        self._ask = ask
        self._force.set_reached(True)
        self._fetcher.connected(ask)

    def lost(self) -> None:
        """It cannot: what has expired counts for its grace."""
        self._ask = None
        self._force.set_reached(False)
        self._fetcher.lost()

    def stop(self) -> None:
        """Nothing comes any more, and what is being staged is given up: it goes on at the next start."""
        self.lost()
        self._cache.interrupt()

    # Told ------------------------------------------------------------------------------------------------

    @property
    def numbers(self) -> dict[str, int]:
        """Number in force per kind."""
        return self._force.numbers

    @property
    def status(self) -> BundlesStatus:
        return BundlesStatus(self._force.states, self._fetcher.under_way, self._refusals.last)

    @property
    def history(self) -> list[record.Past]:
        """What was put in force, the newest first."""
        return record.past(self._ledger)

    # From the wire ---------------------------------------------------------------------------------------

    async def take(self, payload: bytes) -> None:
        """A bundle from the wire. Applied, fetched or refused, recorded either way; never raises for what it holds.

        Raises `LedgerError` when the disk refuses: nothing is in force then that was not before.
        """
        if self._waiting >= MAX_WAITING:
            log.warning("a bundle was dropped: %d are waiting", self._waiting)
            return  # The centre sends it again with the next birth.
        self._waiting += 1
        try:
            await self._take(payload)
        except LedgerError:
            raise
        except NotReady as error:
            log.warning("a bundle was dropped: %s", error)  # The centre sends it again with the next birth.
        except GatewayError as error:
            log.debug("refused: %s", error)  # It is recorded and told already.
        finally:
            self._waiting -= 1

    async def take_chunk(self, payload: bytes) -> None:
        """A chunk from the wire. Raises `LedgerError` only."""
        try:
            await self._fetcher.take(payload)
        except NotReady as error:
            log.info("%s", error)

    # From a person on this machine -----------------------------------------------------------------------

    async def hand_over(self, payload: bytes) -> list[int]:
        """A bundle, as `take`, but what is wrong is raised. Returns the chunks that are still missing (`put_chunk`);
        none when it is in force."""
        manifest = await self._take(payload)
        return self._fetcher.missing(manifest.sha256) or []

    async def put_chunk(self, sha256: str, index: int, data: bytes) -> list[int]:
        """A chunk of what was handed over; returns those still missing. Raises `InputRefused`."""
        await self._fetcher.put(sha256, index, data)
        return self._fetcher.missing(sha256) or []

    async def rollback(self, kind: BundleKind) -> record.Past:
        """Go back to the bundle before; returns it. Raises `InputRefused`, `NotFound` or `LedgerError`."""
        async with self._heavy:
            return await self._force.go_back(kind)

    # Lanes -----------------------------------------------------------------------------------------------

    async def _take(self, payload: bytes) -> Manifest:
        manifest: Manifest | None = None
        try:
            # One after the other, in the order they came: the next one may be signed by a key that this one brings.
            async with self._front:
                loop = asyncio.get_running_loop()
                bundle, told = await loop.run_in_executor(None, partial(_open, payload, self._force.trusted))
                manifest = told
                if not self._is_news(told):
                    return told
                content = bundle.content
                if told.kind in URGENT:
                    await self._apply_urgent(told, content)
                    return told
                if content is None:
                    await self._fetcher.offer(told, bundle)
                    return told
            if self._queued >= MAX_QUEUED:
                raise NotReady(f"{self._queued} bundles wait for the one before", "Try again")
            await self._apply(told, bundle, lambda: iter((content,)))
            await self._fetcher.drop_through(told.kind, told.number)
            return told
        except (LedgerError, NotReady):
            raise
        except GatewayError as error:
            await self._refused(manifest, error)
            raise

    async def _apply_urgent(self, manifest: Manifest, content: bytes | None) -> None:
        if content is None:
            raise InputRefused(f"{manifest.kind} travel whole", code="bundle_content")
        match manifest.kind:
            case BundleKind.KEYS:
                await self._force.apply_keys(manifest, content)
            case BundleKind.TRUST:
                await self._force.apply_trust(manifest, content)
            case _:
                await self._force.apply_blocks(manifest, content)

    async def _apply(self, manifest: Manifest, bundle: SignedBundle, pieces: Pieces) -> None:
        """One at a time. While it waited its key may have been retired, or a newer one have come."""
        self._queued += 1
        try:
            async with self._heavy:
                open_manifest(bundle, self._force.trusted)
                if self._is_news(manifest):
                    await self._force.apply(manifest, pieces)
        finally:
            self._queued -= 1

    async def _fetched(self, offer: Offer, manifest: Manifest) -> bool:
        """All chunks are here. False when they are not the content that was signed: to be fetched again."""
        pieces = partial(self._cache.staging.pieces, offer.sha256)
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, lambda: check_pieces(manifest, pieces()))
        except InputRefused as error:
            await self._refused(manifest, error)
            return False
        try:
            await self._apply(manifest, SignedBundle(offer.manifest, offer.signature), pieces)
        except (LedgerError, NotReady):
            raise
        except GatewayError as error:
            await self._refused(manifest, error)
        return True

    def _is_news(self, manifest: Manifest) -> bool:
        """False for what is in force already. Raises `InputRefused` for what is not for us, old or expired."""
        if manifest.city != self._city or manifest.target not in ("*", self._gateway):
            raise InputRefused(f"made for {manifest.city}/{manifest.target}", code="bundle_target")
        return self._force.is_news(manifest)

    async def _refused(self, manifest: Manifest | None, error: GatewayError) -> None:
        await self._refusals.bundle(manifest, error)
        if manifest is not None and error.code == "bundle_base" and self._ask is not None:
            try:
                self._ask(msgspec.json.encode(WantWhole(manifest.kind)))
            except NotReady as gone:
                log.info("not asked for the whole registry: %s", gone)


def _open(payload: bytes, trusted: tuple[TrustedKey, ...]) -> tuple[SignedBundle, Manifest]:
    """Verified as far as it is here. Takes some milliseconds: not in the event loop."""
    bundle = decode_bundle(payload)
    manifest = open_manifest(bundle, trusted)
    if bundle.content is not None:
        if len(bundle.content) > MAX_WHOLE:
            raise InputRefused("content of this size is fetched, not sent", code="bundle_size")
        check_content(manifest, bundle.content)
    return bundle, manifest
