"""The centre's line to the broker: one thread that alone touches paho-mqtt.

Why paho's own threads and reconnects are not used (all seen with 2.x): callbacks run with its locks held, its
queue has no bound, it resends its own copies after a reconnect, its back-off has no jitter. So every connection is
a new paho client, driven with `loop_read`/`loop_write`/`loop_misc` from here; callbacks only note what came.
"""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from gateway.centre.session import Session, SessionEnd
from gateway.centre.settings import Settings

log = logging.getLogger(__name__)

MAX_OUT = 20_000
"""Messages waiting to be sent; beyond, new ones are dropped: the gateways ask again."""
MAX_HELD = 2_000
MAX_HELD_BYTES = 32 * 1024 * 1024
"""Messages delivered and not yet stored; beyond, nothing more is read from the broker."""
STABLE_S = 60.0
"""A connection that held for so long makes the next attempt start from the shortest wait again."""
BASE_S = 1.0
FLUSH_S = 0.5
"""At a stop: time for what is already on its way."""


class Delivery(msgspec.Struct, frozen=True):
    """A message as it came. `connection` and `mid` are what its PUBACK needs (`mid` 0: none is due)."""

    topic: str
    payload: bytes
    retained: bool
    mid: int
    connection: int


class Link:
    """Keeps a connection with its subscriptions. `ever` are all that it may ever have: the broker may still hold some
    of an earlier life. `deliver` is called on the link's thread and must only note
    the delivery; each one is later given back with `acknowledge`, and not before does its PUBACK go out."""

    def __init__(
        self,
        settings: Settings,
        ever: Sequence[str],
        deliver: Callable[[Delivery], None],
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._filters: tuple[str, ...] = ()
        self._ever = tuple(ever)
        self._deliver = deliver
        self._rng = rng if rng is not None else random.Random()  # noqa: S311 - jitter, not a secret
        self._versions = deque({"auto": ("5", "3.1.1")}.get(settings.protocol, (settings.protocol,)))
        self._acks: deque[Delivery] = deque()
        self._first: deque[tuple[str, bytes]] = deque()
        self._bulk: deque[tuple[str, bytes]] = deque()
        self._stopping = threading.Event()
        self._up = threading.Event()
        self._connection = 0
        self._held = self._held_bytes = 0
        self.dropped = 0
        """Messages that were not sent because too many were waiting."""
        self.why_down = "not started"

    @property
    def protocol(self) -> str:
        """The MQTT version in use, or tried next."""
        return self._versions[0]

    def start(self, filters: Sequence[str]) -> None:
        """Connect in the background, with these subscriptions; tries for ever."""
        self._filters = tuple(filters)
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="centre-link", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye to the broker and end the thread."""
        self._stopping.set()
        self._wake()
        self._thread.join()
        self._wake_r.close()
        self._wake_w.close()

    def wait_up(self, timeout: float) -> bool:
        """Wait until connected with all subscriptions granted."""
        return self._up.wait(timeout)

    def subscribe(self, filters: Sequence[str]) -> None:
        """From now on exactly these filters, from any thread; of those named as `ever`."""
        if tuple(filters) != self._filters:
            self._filters = tuple(filters)
            self._up.clear()
            self._wake()

    def publish(self, topic: str, payload: bytes, *, bulk: bool = False) -> bool:
        """Send with QoS 1, not retained, from any thread; goes out again after a reconnect. False when too much
        is waiting already. `bulk` lets everything else go first."""
        if len(self._first) + len(self._bulk) >= MAX_OUT:
            self.dropped += 1
            return False
        (self._bulk if bulk else self._first).append((topic, payload))
        self._wake()
        return True

    @property
    def bulk_waiting(self) -> int:
        """Messages that everything else goes before."""
        return len(self._bulk)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """These are stored (or known to be worthless): from any thread."""
        self._acks.extend(deliveries)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already; closed: nobody is there any more
            self._wake_w.send(b"\0")

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._connection += 1
            session = Session(self._settings, self.protocol, self._filters, self._on_message, self._ever)
            began = time.monotonic()
            end = self._serve(session)
            self._up.clear()
            self._take_back(session)
            if self._stopping.is_set():
                return
            failures = 1 if time.monotonic() - began >= STABLE_S else failures + 1
            wait = self._rng.uniform(0, min(self._settings.backoff_cap_s, BASE_S * 2 ** min(failures - 1, 16)))
            self._say_down(end, session)
            if end is SessionEnd.NOT_SPOKEN:
                self._versions.rotate()
                wait = 0.0 if len(self._versions) > 1 and failures == 1 else wait
            self._stopping.wait(wait)

    def _say_down(self, end: SessionEnd, session: Session) -> None:
        where = f"{self._settings.host}:{self._settings.port}"
        why = f"broker {where}, MQTT {session.protocol}: {end} ({session.why})"
        if why != self.why_down:
            log.warning("%s", why)
        self.why_down = why

    def _serve(self, session: Session) -> SessionEnd:
        """One connection from its first to its last byte."""
        if not session.connect():
            return SessionEnd.NOT_REACHED
        try:
            while not self._stopping.is_set():
                sock = session.socket()
                if sock is None:
                    return session.end()
                self._wait(session, sock)
                session.step()
                filters = self._filters
                session.subscribe(filters)
                if session.up and filters is self._filters and not self._up.is_set():
                    if self.why_down:
                        log.info("connected to %s with MQTT %s", self._settings.host, session.protocol)
                    self.why_down = ""
                    self._up.set()
                if session.overdue():
                    return session.end()
                self._send(session)
            self._send(session)
            session.flush(FLUSH_S)
            return SessionEnd.STOPPED
        finally:
            session.close()

    def _wait(self, session: Session, sock: socket.socket) -> None:
        full = self._held >= MAX_HELD or self._held_bytes >= MAX_HELD_BYTES
        reading = [self._wake_r] if full else [self._wake_r, sock]
        writing = [sock] if session.wants_write() else []
        timeout = 0.0 if not full and session.has_pending(sock) else session.patience()
        readable, _, _ = select.select(reading, writing, [], timeout)
        session.readable = not full and (sock in readable or session.has_pending(sock))
        if self._wake_r in readable:
            self._wake_r.recv(65536)

    def _send(self, session: Session) -> None:
        while self._acks:
            delivery = self._acks.popleft()
            self._held -= 1
            self._held_bytes -= len(delivery.payload)
            if delivery.mid and delivery.connection == self._connection:
                # Of an older connection: the number may by now be another message's.
                session.puback(delivery.mid)
        for queue in (self._first, self._bulk):
            while queue and session.up and session.has_room():
                topic, payload = queue.popleft()
                if not session.publish(topic, payload):
                    log.error("%s: %d bytes are more than the broker takes", topic, len(payload))
                    self.dropped += 1

    def _take_back(self, session: Session) -> None:
        """What the broker has not confirmed goes out again, first."""
        self._first.extendleft(reversed(session.unconfirmed()))

    def _on_message(self, topic: str, payload: bytes, retained: bool, mid: int) -> None:
        self._held += 1
        self._held_bytes += len(payload)
        self._deliver(Delivery(topic, payload, retained, mid, self._connection))
