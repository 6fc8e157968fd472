"""Fetching what is too large to be pushed: chunk by chunk, when we ask for it, kept over restarts and broken links.

A few chunks are on their way at a time, so that acks never wait behind megabytes. What is for the whole city is fetched
at a random moment, so that a city's gateways do not all ask at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

import msgspec

from gateway.identity.staging import Offer, Staging
from gateway.model.errors import GatewayError, InputRefused, LedgerError, NotReady
from gateway.sync.bundles_offer import Fetch, Fetching, Pace
from gateway.sync.bundles_refusals import Refusals
from gateway.wire import chunks
from gateway.wire.bundle import BundleKind, Manifest, SignedBundle, read_manifest

log = logging.getLogger("bundles.fetch")

IN_FLIGHT = 2
"""Chunks asked for at a time: 240 kB, 8 s on a line of 256 kbit/s. An ack waits no longer than that."""
FULL_S = 600.0
"""Before what is here whole is tried again when the card did not take it."""
TRIES = 3
"""Contents that come whole and do not fit their hash, before it is given up."""


class Fetcher:
    """At most one bundle per kind is on its way: a newer one takes its place.

    `settle` is given what has come whole; it returns false when the content was not the one that was signed.
    """

    def __init__(
        self,
        staging: Staging,
        refusals: Refusals,
        settle: Callable[[Offer, Manifest], Awaitable[bool]],
        pace: Pace,
        rng: random.Random,
    ) -> None:
        self._staging = staging
        self._refusals = refusals
        self._settle = settle
        self._pace = pace
        self._rng = rng
        self._fetches: dict[BundleKind, Fetch] = {}
        self._ask: Callable[[bytes], object] | None = None
        self._runner: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def start(self) -> None:
        """Go on with what was on its way at the last stop."""
        for offer in self._staging.offers():
            try:
                manifest = read_manifest(offer.manifest)
            except InputRefused as error:
                log.warning("an announcement of another version is forgotten: %s", error)
                continue
            known = self._fetches.get(manifest.kind)
            if known is not None and known.manifest.number >= manifest.number:
                continue  # A cut came between the two; a later `offer` of its content finds its chunks.
            have = self._staging.chunks(offer.sha256)
            self._fetches[manifest.kind] = Fetch(manifest, offer, have, 0.0, 0.0)

    def connected(self, ask: Callable[[bytes], object]) -> None:
        """The centre can be asked from now on: `ask` publishes a wish, and raises `NotReady` when it cannot."""
        self.lost()
        self._ask = ask
        loop = asyncio.get_running_loop()
        for fetch in self._fetches.values():
            fetch.asked.clear()
            fetch.progress = loop.time()
        self._runner = loop.create_task(self._run())
        self._runner.add_done_callback(_ended)

    def lost(self) -> None:
        """Nothing is asked for any more; what is here stays."""
        self._ask = None
        if self._runner is not None:
            self._runner.cancel()
            self._runner = None

    @property
    def under_way(self) -> tuple[Fetching, ...]:
        return tuple(Fetching(f.manifest.kind, f.manifest.number, len(f.have), f.of) for f in self._fetches.values())

    def missing(self, sha256: str) -> list[int] | None:
        """The chunks of this content that are still to come; None when nobody waits for it."""
        fetch = self._find(sha256)
        return None if fetch is None else sorted(set(range(fetch.of)) - fetch.have)

    # Announced -------------------------------------------------------------------------------------------

    async def offer(self, manifest: Manifest, bundle: SignedBundle) -> None:
        """Begin to fetch what a verified manifest names, unless it is on its way already."""
        known = self._fetches.get(manifest.kind)
        if known is not None:
            if manifest.number < known.manifest.number:
                return
            if known.offer.sha256 != manifest.sha256:
                await self.drop(manifest.kind)
        offer = Offer(manifest.sha256, bundle.manifest, bundle.signature)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._staging.put_offer, offer)
        if known is not None and self._fetches.get(manifest.kind) is known:
            # The same content; perhaps signed anew, with another key or under another number.
            known.offer, known.manifest = offer, manifest
            return
        for_all = manifest.target == "*"
        now = loop.time()
        wait = self._rng.uniform(0, self._pace.jitter_s) if for_all else 0.0
        have = await loop.run_in_executor(None, self._staging.chunks_of, manifest.sha256)
        self._fetches[manifest.kind] = Fetch(manifest, offer, have, now, now + wait)
        if wait:
            log.info("bundle %s %d: fetched in %.0f s", manifest.kind, manifest.number, wait)
        self._news.set()

    async def drop_through(self, kind: BundleKind, number: int) -> None:
        """Of this kind a bundle of this number is in force: do not fetch it, nor an older one."""
        if (fetch := self._fetches.get(kind)) is not None and fetch.manifest.number <= number:
            await self.drop(kind)

    async def drop(self, kind: BundleKind) -> None:
        """Do not fetch this any more."""
        if (fetch := self._fetches.pop(kind, None)) is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._staging.drop_offer, fetch.offer.sha256)

    # Coming ----------------------------------------------------------------------------------------------

    async def take(self, payload: bytes) -> None:
        """A chunk from the wire. One that nobody asked for is counted and forgotten."""
        try:
            chunk = chunks.decode_chunk(payload)
        except InputRefused as error:
            self._refusals.chunk(error.what)
            return
        fetch = self._find(chunk.sha256)
        if fetch is None or chunk.index not in fetch.asked:
            if fetch is None or chunk.index not in fetch.have:  # Asked for twice, it may come twice.
                self._refusals.chunk("nobody asked for it")
            return
        try:
            await self._keep(fetch, chunk.index, bytes(chunk.data))
        except InputRefused as error:
            self._refusals.chunk(error.what)

    async def put(self, sha256: str, index: int, data: bytes) -> None:
        """A chunk from a person on this machine. Raises `InputRefused` when nobody waits for it."""
        fetch = self._find(sha256)
        if fetch is None:
            raise InputRefused("no bundle of this content is waited for", "Announce it first", code="bundle_unknown")
        await self._keep(fetch, index, data)

    async def _keep(self, fetch: Fetch, index: int, data: bytes) -> None:
        size = fetch.manifest.size
        if index >= fetch.of or len(data) != chunks.size_of(size, index):
            fetch.asked.pop(index, None)
            raise InputRefused("a chunk of another size than it should have", code="bundle_chunk")
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._staging.put_chunk, fetch.offer.sha256, index, data)
        if self._fetches.get(fetch.manifest.kind) is not fetch:  # Dropped meanwhile: nobody else would clear it away.
            await loop.run_in_executor(None, self._staging.drop_chunks, fetch.offer.sha256)
            return
        fetch.asked.pop(index, None)
        fetch.have.add(index)
        fetch.progress = loop.time()
        self._news.set()
        if fetch.complete:
            await self._complete(fetch)

    async def _complete(self, fetch: Fetch) -> None:
        if fetch.settling or self._fetches.get(fetch.manifest.kind) is not fetch:
            return
        fetch.settling = True
        try:
            fits = await self._settle(fetch.offer, fetch.manifest)
        except LedgerError:
            # A full card must not be written on again and again.
            fetch.not_before = asyncio.get_running_loop().time() + FULL_S
            raise
        finally:
            fetch.settling = False
        if self._fetches.get(fetch.manifest.kind) is not fetch:
            return
        fetch.tries += 1
        if fits or fetch.tries >= TRIES:
            await self.drop(fetch.manifest.kind)
            return
        await asyncio.get_running_loop().run_in_executor(None, self._staging.drop_chunks, fetch.offer.sha256)
        fetch.have.clear()
        self._news.set()

    def _find(self, sha256: str) -> Fetch | None:
        return next((fetch for fetch in self._fetches.values() if fetch.offer.sha256 == sha256), None)

    # Asking ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._news.clear()
            patience = await self._look_after()
            try:
                async with asyncio.timeout(patience):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _look_after(self) -> float:
        """Ask for what is due; returns in how many seconds to look again."""
        now = asyncio.get_running_loop().time()
        due = self._pace.reask_s
        for fetch in list(self._fetches.values()):
            if fetch.not_before > now:
                due = min(due, fetch.not_before - now)
            elif fetch.complete:
                try:
                    await self._complete(fetch)
                except (LedgerError, NotReady) as error:
                    log.error("bundle %s not put in force: %s", fetch.manifest.kind, error)
            elif now - fetch.progress >= self._pace.give_up_s:
                await self._give_up(fetch)
            else:
                self._ask_for(fetch, now)
                due = min(due, self._pace.give_up_s - (now - fetch.progress))
        return max(due, 0.01)

    def _ask_for(self, fetch: Fetch, now: float) -> None:
        late = [index for index, at in fetch.asked.items() if now - at >= self._pace.reask_s]
        for index in late:
            del fetch.asked[index]
        room = IN_FLIGHT - sum(len(other.asked) for other in self._fetches.values())
        wanted = [index for index in range(fetch.of) if index not in fetch.have and index not in fetch.asked][:room]
        if not wanted or room <= 0 or self._ask is None:
            return
        try:
            self._ask(msgspec.json.encode(chunks.WantChunks(fetch.offer.sha256, tuple(wanted))))
        except NotReady as error:
            log.info("not asked for chunks: %s", error)
            return
        fetch.asked.update(dict.fromkeys(wanted, now))

    async def _give_up(self, fetch: Fetch) -> None:
        error = InputRefused(f"its content did not come: {len(fetch.have)} of {fetch.of} chunks", code="bundle_content")
        await self.drop(fetch.manifest.kind)
        try:
            await self._refusals.bundle(fetch.manifest, error)
        except LedgerError as full:
            log.error("not recorded: %s", full)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error(
            "fetching has stopped until the next connection: %s", fault, exc_info=not isinstance(fault, GatewayError)
        )
