"""A worker's shards: one thread that keeps the leases, and says what is to be subscribed to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from gateway.centre.leases import Leases, Share
from gateway.model.errors import LedgerError

log = logging.getLogger(__name__)

BEATS_A_LEASE = 3
MOST_S = 10.0
"""Between two beats: what another worker has published or ordered is sent after a beat, and a blocked card is to be
known everywhere within a minute."""


class Shards:
    """`held` is what the store may be asked to take in for, from any thread. `changed` is called on this part's
    thread whenever a beat was told, with the shards to subscribe to."""

    def __init__(self, leases: Leases, lease_s: float, changed: Callable[[frozenset[int]], None]) -> None:
        self._leases = leases
        self._lease_s = lease_s
        self._changed = changed
        self._share = Share({}, frozenset(), ())
        self._stopping = threading.Event()
        self._soon = threading.Event()

    @property
    def held(self) -> Mapping[int, int]:
        """Shard → fence."""
        return self._share.held

    @property
    def wanted(self) -> frozenset[int]:
        """Shards to subscribe to: those held, without those that are being given back."""
        return frozenset(self._share.held) - self._share.leaving

    @property
    def alone(self) -> bool:
        """No other worker is known to live."""
        return not self._share.others

    def join(self) -> None:
        """Take a first share. Raises `LedgerError` when the store does not let us."""
        self._share = self._leases.beat()
        log.info("takes in shards %s", sorted(self.wanted))

    def start(self) -> None:
        """After `join`: begin to beat."""
        self._thread = threading.Thread(target=self._run, name="centre-leases", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop beating; the leases are still ours for a while."""
        self._stopping.set()
        self._soon.set()
        self._thread.join()

    def leave(self) -> None:
        """After `stop`: give all shards back."""
        try:
            self._leases.leave()
        except LedgerError as error:
            log.warning("%s; the others wait for our leases to end", error)

    def look_soon(self) -> None:
        """A lease has gone: find out now."""
        self._soon.set()

    def _run(self) -> None:
        while True:
            self._soon.wait(min(self._lease_s / BEATS_A_LEASE, MOST_S))
            self._soon.clear()
            if self._stopping.is_set():
                return
            try:
                share = self._leases.beat()
            except LedgerError as error:
                log.error("%s; the leases are renewed later", error)
                continue
            before, self._share = self.wanted, share
            if self.wanted != before:
                log.info("takes in shards %s", sorted(self.wanted))
            self._changed(self.wanted)
