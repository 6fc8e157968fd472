"""Messages from the broker into the store, and the word about them back: birth, death, entries.

A worker thread takes what has come as one group (natural batching: the next group is what came during the last
commit), stores it in one transaction, and only then lets the PUBACKs and acks go out.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator

from gateway.centre.grants import grant
from gateway.centre.link import Delivery, Link
from gateway.centre.parcel import Parcel, open_parcel
from gateway.centre.settings import Settings
from gateway.centre.store import Store, Welcome
from gateway.model.entry import Stream
from gateway.model.errors import InputRefused, LedgerError
from gateway.wire.messages import Ack, Acks, State, decode, encode
from gateway.wire.topics import SHARDS, Address, Topics, centre_filters, parse

log = logging.getLogger(__name__)

MAX_GROUP = 500
"""Messages in one transaction."""
RETRY_S = 1.0
"""Between attempts when the disk refuses: nothing is confirmed meanwhile, and soon nothing more is read."""
ACKS_PER_MESSAGE = 64
NEVER = float("-inf")
_EVENTS = {f"ev/{stream}": stream for stream in Stream}


class Intake:
    """Takes in all shards of the city."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._inbox: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._wishes: list[tuple[str, bytes]] = []
        self._due: dict[str, dict[tuple[str, Stream], Ack]] = {}
        self._sent: dict[str, float] = {}
        self._stopping = threading.Event()
        self.link = Link(settings, centre_filters(settings.city, range(SHARDS)), self._inbox.put)

    def start(self) -> None:
        """Begin to connect and to store."""
        self._thread = threading.Thread(target=self._run, name="centre-intake", daemon=True)
        self._thread.start()
        self.link.start()

    def stop(self) -> None:
        """Store and confirm what has come, then let go of the broker."""
        self._stopping.set()
        self._inbox.put(None)
        self._thread.join()
        self.link.stop()

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
        """Store the group, however often the disk has to be asked; then confirm it. False: stopped meanwhile."""
        while True:
            try:
                welcomes = self._store_group(group)
                break
            except LedgerError as error:
                log.error("%s; trying again", error)
                if self._stopping.wait(RETRY_S):
                    return False
        self.link.acknowledge(group)
        for welcome in welcomes:
            self._answer(welcome)
        wishes, self._wishes = self._wishes, []
        for gateway, payload in wishes:
            grant(self._settings.city, self._store, self.link, gateway, payload)
        return True

    def _store_group(self, group: list[Delivery]) -> list[Welcome]:
        self._wishes = []  # of the attempt before, if the disk refused it
        parcels: list[Parcel] = []
        said: list[tuple[str, State]] = []
        for delivery in group:
            address = parse(delivery.topic)
            if address is None or address.city != self._settings.city:
                parcels.append(Parcel("", [], poison="a topic that is none of ours, or in the wrong shard"))
            elif address.leaf in _EVENTS:
                stream = _EVENTS[address.leaf]
                parcels.append(open_parcel(address.city, address.gateway, stream, delivery.payload))
            elif address.leaf == "want":
                self._wishes.append((address.gateway, delivery.payload))
            elif address.leaf == "state" and delivery.payload:  # empty: a retained state was deleted
                said.extend(_state(address, delivery, parcels))
        if parcels:
            taken = self._store.take_parcels(parcels)
            for gateway, acks in taken.acks.items():
                self._note(gateway, acks)
        return self._store.hear(said) if said else []

    def _note(self, gateway: str, acks: list[Ack]) -> None:
        due = self._due.setdefault(gateway, {})
        for ack in acks:
            due[ack.epoch, ack.stream] = ack

    def _answer(self, welcome: Welcome) -> None:
        """A birth is answered at once: what is stored, and the bundles that it lacks."""
        topics = Topics(self._settings.city, welcome.gateway)
        due = self._due.get(welcome.gateway, {})
        for ack in welcome.acks:
            due.pop((ack.epoch, ack.stream), None)
        self._send_acks(welcome.gateway, welcome.acks)
        for signed in welcome.bundles:
            self.link.publish(topics.bundle, signed, bulk=True)

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


def _state(address: Address, delivery: Delivery, parcels: list[Parcel]) -> Iterator[tuple[str, State]]:
    try:
        yield address.gateway, decode(delivery.payload, State, f"{address.gateway}/state")
    except InputRefused as refused:
        parcels.append(Parcel(address.gateway, [], poison=refused.what))
