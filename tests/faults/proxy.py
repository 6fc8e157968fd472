"""Between gateway and broker: a TCP proxy that understands MQTT packets, so that it can keep back one kind of them.

It can hold everything (a black hole: both ends think that they are connected, nothing is lost if it comes back), reset
connections, take none, and swallow what the broker sends. A PUBLISH that it swallows it confirms itself: the broker
believes that it was delivered, as after a crash between PUBACK and reading.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

PUBLISH, PUBACK = 3, 4
HEAD_MAX = 5


class Mode(StrEnum):
    PASS = "pass"
    HOLD = "hold"
    NO_ACKS = "no_acks"
    """Acks of the centre do not arrive."""
    DEAF = "deaf"
    """Nothing of the broker arrives but its pings: no PUBACK, no ack, no bundle."""
    REFUSE = "refuse"


class Proxy:
    """`start` listens, `stop` closes all. Threads: two per connection, which end with it."""

    def __init__(self) -> None:
        self.port = 0
        self.swallowed = 0
        """Packets that were kept back."""
        self._mode = Mode.PASS
        self._may_pass = threading.Event()
        self._may_pass.set()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._reset: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def start(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)

    def stop(self) -> None:
        self.set(Mode.REFUSE)
        if self.port:
            # Wakes the thread that waits in accept(2).
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def set(self, mode: Mode) -> None:
        self._mode = mode
        if mode is Mode.HOLD:
            self._may_pass.clear()
        else:
            self._may_pass.set()

    def hang_up(self) -> int:
        """Reset all connections; how many there were."""
        with self._lock:
            self._reset |= self._sockets
            for each in self._sockets:
                with suppress(OSError):
                    # With this close(2) sends RST; until then nothing must be sent that says goodbye.
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    each.shutdown(socket.SHUT_RD)
            return len(self._sockets) // 2

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(lambda near=near: self._serve(near))  # type: ignore[misc]

    def _serve(self, near: socket.socket) -> None:
        if self._mode is Mode.REFUSE:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        with self._lock:
            self._sockets |= {near, far}
        to_far = threading.Lock()
        down = threading.Thread(target=self._pump, args=(far, near, threading.Lock(), far, to_far), daemon=True)
        down.start()
        self._pump(near, far, to_far, None, to_far)
        down.join()
        with self._lock:
            self._sockets -= {near, far}
            self._reset -= {near, far}
        near.close()
        far.close()

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        lock: threading.Lock,
        back: socket.socket | None,
        back_lock: threading.Lock,
    ) -> None:
        """Whole packets, until one end is gone. `back` is the way to the broker when this is the way from it."""
        buffer = b""
        try:
            while data := source.recv(65536):
                buffer += data
                while (size := packet_size(buffer)) is not None and len(buffer) >= size:
                    packet, buffer = buffer[:size], buffer[size:]
                    self._may_pass.wait()
                    if back is None or not self._keep_back(packet, back, back_lock):
                        with lock:
                            sink.sendall(packet)
        except OSError:
            pass  # The other end was reset; the end of this one follows.
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RD if each in self._reset else socket.SHUT_RDWR)

    def _keep_back(self, packet: bytes, back: socket.socket, lock: threading.Lock) -> bool:
        kind = packet[0] >> 4
        topic, number = publish_of(packet) if kind == PUBLISH else ("", None)
        match self._mode:
            case Mode.NO_ACKS:
                swallow = topic.endswith("/ack")
            case Mode.DEAF:
                swallow = kind in (PUBLISH, PUBACK)
            case _:
                swallow = False
        if swallow:
            self.swallowed += 1
            if number is not None:
                with lock:
                    back.sendall(struct.pack(">BBH", PUBACK << 4, 2, number))
        return swallow


def packet_size(buffer: bytes) -> int | None:
    """Bytes of the packet that begins here, None while its length is not there (MQTT 5, section 2.1.4)."""
    size = 0
    for index, byte in enumerate(buffer[1:HEAD_MAX]):
        size |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return size + index + 2
    return None


def publish_of(packet: bytes) -> tuple[str, int | None]:
    """Topic and packet number of a PUBLISH (MQTT 5, section 3.3.2); no number with QoS 0."""
    start = 1
    while packet[start] & 0x80:
        start += 1
    start += 1
    (length,) = struct.unpack_from(">H", packet, start)
    topic = packet[start + 2 : start + 2 + length].decode("utf-8")
    if not packet[0] & 0x06:
        return topic, None
    (number,) = struct.unpack_from(">H", packet, start + 2 + length)
    return topic, number
