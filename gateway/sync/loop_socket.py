"""A paho client's socket in the event loop: it reads, writes and pings there, without a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode

from gateway.wire.tcp import refuse_itself


class LoopSocket:
    """Of one client, made before it connects; served until `close`. From the event loop, but for what paho itself calls
    where it connects. `on_silence`: the broker does not answer a ping."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, client: mqtt.Client, keepalive_s: float, on_silence: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._client = client
        self._keepalive_s = keepalive_s
        self._on_silence = on_silence
        self._misc: asyncio.TimerHandle | None = None
        self._served = True
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = lambda _c, _u, sock: self._unwatch(sock)
        client.on_socket_register_write = lambda _c, _u, sock: self.from_any(self._watch_write, sock)
        client.on_socket_unregister_write = lambda _c, _u, sock: self.from_any(self._loop.remove_writer, sock.fileno())

    def keep_alive(self) -> None:
        """Let paho send its ping and notice a missing answer; few wake-ups, none while unconnected."""
        if not self._served:
            return
        if self._client.loop_misc() is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._on_silence()
            return
        self._misc = self._loop.call_later(max(1.0, self._keepalive_s / 4), self.keep_alive)

    def close(self) -> None:
        """Close it without a goodbye. Of a client that comes through only later, again when it has."""
        self._served = False
        if self._misc is not None:
            self._misc.cancel()
            self._misc = None
        client, sock = self._client, self._client.socket()
        if not isinstance(sock, socket.socket):
            return  # Not there, or not yet.
        if sock.fileno() >= 0:
            self._unwatch(sock)
            with suppress(OSError):
                sock.close()
        # paho closes once more when it is collected, wherever that may be: this number is another's by then.
        client.on_socket_open = client.on_socket_close = None
        client.on_socket_register_write = client.on_socket_unregister_write = None

    def from_any(self, call: Callable[..., object], *arguments: Any) -> None:
        """Call it in the loop, from whatever thread this is; at once when it is the loop's own."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            call(*arguments)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _on_socket_open(self, _client: object, _user: object, sock: Any) -> None:
        """Called where it connects, before anything is sent. Raises `ConnectionRefusedError`."""
        refuse_itself(sock)
        self.from_any(self._watch, sock)

    def _watch(self, sock: Any) -> None:
        if self._served and sock.fileno() >= 0:
            self._loop.add_reader(sock.fileno(), self._read)
            if self._client.want_write():
                self._watch_write(sock)

    def _watch_write(self, sock: Any) -> None:
        if self._served and sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._client.loop_write)

    def _unwatch(self, sock: Any) -> None:
        descriptor = sock.fileno()
        if descriptor >= 0:
            self.from_any(self._remove, descriptor)

    def _remove(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)

    def _read(self) -> None:
        """paho reads as many packets as it has messages on their way, whatever it is told; what TLS has decrypted
        beyond that would wait for the next byte from the broker."""
        self._client.loop_read()
        while isinstance(sock := self._client.socket(), ssl.SSLSocket) and sock.pending():
            self._client.loop_read()
