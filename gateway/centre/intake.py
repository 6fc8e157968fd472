"""Messages from the broker into the store, and the word about them back: birth, death, entries, answers to commands.

A worker thread takes what has come as one group (natural batching: the next group is what came during the last
commit), stores it in one transaction, and only then lets the PUBACKs and acks go out.
"""

from __future__ import annotations

import logging
import queue
import threading
import time

from gateway.centre.births import Welcome
from gateway.centre.grants import grant
from gateway.centre.leases import LeaseLost, Leases
from gateway.centre.link import Delivery, Link
from gateway.centre.quota import Answers
from gateway.centre.settings import Settings
from gateway.centre.shards import Shards
from gateway.centre.shelf import Announcement
from gateway.centre.sorting import sort
from gateway.centre.store import Settled, Store
from gateway.model.entry import Stream
from gateway.model.errors import LedgerError
from gateway.wire.commands import Command
from gateway.wire.messages import Ack, Acks, encode
from gateway.wire.quota import MAX_GROUP as MAX_GROUP_TOLD
from gateway.wire.quota import QuotaTold, Told
from gateway.wire.topics import SHARDS, Topics, centre_filters

log = logging.getLogger(__name__)

MAX_GROUP = 500
"""Messages in one transaction."""
RETRY_S = 1.0
"""Between attempts when the database refuses: nothing is confirmed meanwhile, and soon nothing more is read."""
ACKS_PER_MESSAGE = 64
NEVER = float("-inf")
TIDY_S = 24 * 3600.0
"""Between two looks for what is known of periods that ended long ago."""


class Intake:
    """Takes in the shards that this worker has leased: all of them, when no other worker is there."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._inbox: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._due: dict[str, dict[tuple[str, Stream], Ack]] = {}
        self._sent: dict[str, float] = {}
        self._stopping = threading.Event()
        self._tidy_at = NEVER
        leases = Leases(store.database, settings.client_id, settings.lease_s)
        self.shards = Shards(leases, settings.lease_s, self._leases_told)
        self.link = Link(settings, centre_filters(settings.city, range(SHARDS)), self._inbox.put)

    def start(self) -> None:
        """Take shards, then begin to connect and to store. Raises `LedgerError`."""
        self.shards.join()
        self._thread = threading.Thread(target=self._run, name="centre-intake", daemon=True)
        self._thread.start()
        self.link.start(self._filters(self.shards.wanted))
        self.shards.start()

    def stop(self) -> None:
        """Store and confirm what has come, let go of the broker, give the shards back."""
        self.shards.stop()
        if not self.shards.alone:  # else the broker keeps for our next life what comes meanwhile
            self.link.subscribe(())
        self._stopping.set()
        self._inbox.put(None)
        self._thread.join()
        self.link.stop()
        self.shards.leave()

    def _filters(self, shards: frozenset[int]) -> list[str]:
        return [
            text for shard in sorted(shards) for text in centre_filters(self._settings.city, range(shard, shard + 1))
        ]

    def _leases_told(self, shards: frozenset[int]) -> None:
        """On the leases' thread, after each beat."""
        self.link.subscribe(self._filters(shards))
        try:
            for command in self._store.unsent(self.shards.held):
                self._send_command(command)
            for told in self._store.news(self.shards.held):
                self._send_bundle(told.gateway, told.announcement)
            self._send_answers(self._store.recalls(self.shards.held))
            if time.monotonic() >= self._tidy_at and not self._store.tidy():
                self._tidy_at = time.monotonic() + TIDY_S
        except LedgerError as error:
            log.error("%s; commands, bundles and recalls are sent later", error)

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if group and not self._settle(group):
                return
            self._send_due(everything=self._stopping.is_set())
            if self._stopping.is_set() and self._inbox.empty():
                return

    def _next_group(self) -> list[Delivery]:
        """Waits for a first message (or until acks are due), then takes what else is there."""
        group: list[Delivery] = []
        try:
            first = self._inbox.get(timeout=self._patience())
            while True:
                if first is not None:
                    group.append(first)
                if len(group) >= MAX_GROUP:
                    break
                first = self._inbox.get_nowait()
        except queue.Empty:
            pass
        return group

    def _settle(self, group: list[Delivery]) -> bool:
        """Store the group, however often the database has to be asked; then confirm it. False: stopped meanwhile."""
        held = dict(self.shards.held)
        while True:
            try:
                settled = self._store.settle(sort(self._settings.city, group, held), held)
                break
            except LeaseLost as lost:
                # Theirs is left out: their gateways send it again, to the worker whose they are by now.
                log.warning("%s", lost)
                held = {shard: fence for shard, fence in held.items() if shard not in lost.shards}
                self.shards.look_soon()
            except LedgerError as error:
                log.error("%s; trying again", error)
                if self._stopping.wait(RETRY_S):
                    return False
        self.link.acknowledge(group)
        self._say(settled)
        return True

    def _say(self, settled: Settled) -> None:
        for gateway, acks in settled.taken.acks.items():
            due = self._due.setdefault(gateway, {})
            due.update({(ack.epoch, ack.stream): ack for ack in acks})
        for command in settled.taken.commands:
            self._send_command(command)
        for welcome in settled.welcomes:
            self._answer(welcome)
        self._send_answers(settled.answers)
        if settled.recalled:
            self.shards.look_soon()
        for gateway, wish in settled.wishes:
            grant(self._settings.city, self._store, self.link, gateway, wish)

    def _answer(self, welcome: Welcome) -> None:
        """A birth is answered at once: what is stored, what it has to do, and the bundles that it lacks."""
        due = self._due.get(welcome.gateway, {})
        for ack in welcome.acks:
            due.pop((ack.epoch, ack.stream), None)
        self._send_acks(welcome.gateway, welcome.acks)
        for command in welcome.commands:
            self._send_command(command)
        for announcement in welcome.bundles:
            self._send_bundle(welcome.gateway, announcement)

    def _send_bundle(self, gateway: str, announcement: Announcement) -> None:
        """Keys and blocked cards go before everything that is large."""
        topic = Topics(self._settings.city, gateway).bundle
        self.link.publish(topic, announcement.message, bulk=not announcement.urgent)

    def _send_command(self, command: Command) -> None:
        self.link.publish(Topics(self._settings.city, command.gateway).command, encode(command))

    def _send_answers(self, answers: Answers) -> None:
        """To each gateway its own, in as few messages as they fit."""
        of: dict[str, list[Told]] = {}
        for gateway, told in answers:
            of.setdefault(gateway, []).append(told)
        for gateway, mine in of.items():
            for at in range(0, len(mine), MAX_GROUP_TOLD):
                group = QuotaTold(gateway, tuple(mine[at : at + MAX_GROUP_TOLD]))
                self.link.publish(Topics(self._settings.city, gateway).lease, encode(group))

    def _patience(self) -> float | None:
        if not self._due:
            return None
        now, pause = time.monotonic(), self._settings.ack_ms / 1000
        return max(0.0, min(self._sent.get(gateway, NEVER) + pause for gateway in self._due) - now)

    def _send_due(self, *, everything: bool) -> None:
        now, pause = time.monotonic(), self._settings.ack_ms / 1000
        for gateway in [g for g in self._due if everything or self._sent.get(g, NEVER) + pause <= now]:
            acks = list(self._due.pop(gateway).values())
            if acks:
                self._send_acks(gateway, acks)

    def _send_acks(self, gateway: str, acks: list[Ack]) -> None:
        self._sent[gateway] = time.monotonic()
        topic = Topics(self._settings.city, gateway).ack
        for start in range(0, max(1, len(acks)), ACKS_PER_MESSAGE):
            self.link.publish(topic, encode(Acks(tuple(acks[start : start + ACKS_PER_MESSAGE]))))
