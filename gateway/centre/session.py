"""One connection to the broker: a paho client that is driven from outside and used once."""

from __future__ import annotations

import socket as sockets
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.centre.settings import Settings, password
from gateway.model.errors import ConfigurationError
from gateway.wire.tcp import refuse_itself

OUT_WINDOW = 20
"""Messages of ours that the broker has not confirmed, at most; its own Receive Maximum also holds."""
SESSION_S = 3600
"""How long the broker keeps for us what comes while we are away. A hint only: nothing relies on it."""
LOOK_S = 5.0
"""How often an idle connection is looked after (keepalive)."""
_UNSUPPORTED_VERSION = 0x84
_VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}


class SessionEnd(StrEnum):
    """Why a connection is over."""

    NOT_REACHED = "not reached"
    NOT_SPOKEN = "does not speak this version"
    """Refused for its version, cut, or silent before it was accepted: brokers of 3.1.1 do all three."""
    REFUSED = "refused"
    LOST = "lost"
    STOPPED = "stopped"


class Session:
    """`connect`, then `step` whenever its socket has something; every method on one thread."""

    def __init__(
        self,
        settings: Settings,
        protocol: str,
        filters: Sequence[str],
        on_message: Callable[[str, bytes, bool, int], None],
        ever: Sequence[str] = (),
    ) -> None:
        """`filters`: what is subscribed to; `ever`: what an earlier connection may have left with the broker."""
        self.protocol = protocol
        self.why = ""
        self.readable = False
        self._settings = settings
        self._wanted = frozenset(filters)
        self._ever = frozenset(ever)
        self._asked: frozenset[str] = frozenset()
        self._unanswered: dict[int, list[str]] = {}
        self._on_message = on_message
        self._accepted = False
        self._refused: SessionEnd | None = None
        self._window = OUT_WINDOW
        self._max_packet = 2**28 - 1
        self._waiting: dict[int, tuple[str, bytes]] = {}
        self._deadline = 0.0
        self._client = self._make()

    def connect(self) -> bool:
        """Reach the broker (blocks up to `connect_s`) and send CONNECT. False: not reached, `why` tells."""
        settings = self._settings
        options: dict[str, Any] = {}
        if self.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_S
            properties.ReceiveMaximum = settings.window
            options = {"clean_start": False, "properties": properties}
        try:
            secret = password(settings)
            if settings.user:
                self._client.username_pw_set(settings.user, secret)
            if settings.tls:
                self._client.tls_set(settings.ca, settings.certificate, settings.certificate_key)
            self._client.connect(settings.host, settings.port, settings.keepalive_s, **options)
        except (OSError, ConfigurationError) as error:
            self.why = str(error)
            self.close()
            return False
        self._deadline = time.monotonic() + settings.connect_s
        return True

    @property
    def up(self) -> bool:
        """Accepted, and every subscription granted."""
        return self._accepted and self._asked == self._wanted and not self._unanswered and self._refused is None

    def subscribe(self, filters: Sequence[str]) -> None:
        """From now on exactly these filters."""
        self._wanted = frozenset(filters)
        if self._accepted and self._wanted != self._asked:
            self._tell_broker(self._asked - self._wanted)

    def socket(self) -> sockets.socket | None:
        """The socket to wait on, None when the connection is gone."""
        sock = cast("sockets.socket | None", self._client.socket())
        return sock if sock is not None and sock.fileno() >= 0 else None

    def has_pending(self, sock: sockets.socket) -> bool:
        """Whether TLS has decrypted bytes that `select` does not know of."""
        pending = getattr(sock, "pending", None)
        return pending is not None and pending() > 0

    def wants_write(self) -> bool:
        return self._client.want_write()

    def patience(self) -> float:
        """How long to wait for the socket at most, in s."""
        if self.up:
            return LOOK_S
        return min(LOOK_S, max(0.0, self._deadline - time.monotonic()))

    def step(self) -> None:
        """Read, write and look after the keepalive, as far as it goes without blocking."""
        try:
            if self.readable:
                self._client.loop_read()
            if self._client.want_write():
                self._client.loop_write()
            self._client.loop_misc()
        except (MQTTException, OSError, ValueError) as error:  # a packet that is none
            self.why = f"{type(error).__name__}: {error}"
            self.close()

    def overdue(self) -> bool:
        """Whether the broker took too long to accept us or to grant the subscriptions."""
        late = not self.up and time.monotonic() >= self._deadline
        if late:
            self.why = f"silent for {self._settings.connect_s} s"
        return late

    def end(self) -> SessionEnd:
        """Why it is over."""
        if self._refused is not None:
            return self._refused
        return SessionEnd.LOST if self._accepted else SessionEnd.NOT_SPOKEN

    def puback(self, mid: int) -> None:
        self._client.ack(mid, 1)

    def has_room(self) -> bool:
        """Whether one more message fits into the window."""
        return len(self._waiting) < self._window

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send with QoS 1. False when the broker has said that it takes no packet of this size."""
        if len(topic) + len(payload) + 16 > self._max_packet:
            return False
        self._waiting[self._client.publish(topic, payload, qos=1).mid] = (topic, payload)
        return True

    def unconfirmed(self) -> list[tuple[str, bytes]]:
        """What was sent and not confirmed, in order."""
        return list(self._waiting.values())

    def flush(self, seconds: float) -> None:
        """Give what is queued, and a DISCONNECT, time to go out."""
        self._client.disconnect()
        deadline = time.monotonic() + seconds
        while self._client.want_write() and self.socket() is not None and time.monotonic() < deadline:
            self._client.loop_write()

    def close(self) -> None:
        """Drop the connection. May be called again."""
        sock = self.socket()
        if sock is not None:
            sock.close()

    def _make(self) -> mqtt.Client:
        clean = None if self.protocol == "5" else False
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.client_id,
            clean_session=clean,
            protocol=_VERSIONS[self.protocol],
            reconnect_on_failure=False,
        )
        client.manual_ack_set(True)
        client.connect_timeout = self._settings.connect_s
        client.max_inflight_messages_set(0)  # the window is ours
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._message
        client.on_publish = self._published
        client.on_disconnect = self._disconnected
        client.on_socket_open = lambda _client, _data, sock: refuse_itself(cast("sockets.socket", sock))
        return client

    def _connected(
        self, _client: mqtt.Client, _data: object, flags: mqtt.ConnectFlags, reason: ReasonCode, said: Properties | None
    ) -> None:
        if reason.is_failure:
            self.why = str(reason)
            wrong_version = reason.value in (1, _UNSUPPORTED_VERSION)
            self._refused = SessionEnd.NOT_SPOKEN if wrong_version else SessionEnd.REFUSED
            return
        self._accepted = True
        self._window = min(OUT_WINDOW, getattr(said, "ReceiveMaximum", OUT_WINDOW))
        self._max_packet = getattr(said, "MaximumPacketSize", self._max_packet)
        self._tell_broker(self._ever - self._wanted if flags.session_present else frozenset())

    def _tell_broker(self, leave: frozenset[str]) -> None:
        new = sorted(self._wanted - self._asked)
        self._asked = self._wanted
        if leave:
            self._client.unsubscribe(sorted(leave))
        if new:
            _, mid = self._client.subscribe([(topic, 1) for topic in new])
            if mid is not None:
                self._unanswered[mid] = new

    def _subscribed(
        self, client: mqtt.Client, _data: object, mid: int, granted: list[ReasonCode], _said: Properties | None
    ) -> None:
        asked = self._unanswered.pop(mid, [])
        refused = [f for f, code in zip(asked, granted, strict=False) if code.is_failure]
        if refused or len(granted) != len(asked):
            self.why = f"subscription refused: {', '.join(refused) or 'incomplete answer'}"
            self._refused = SessionEnd.REFUSED
            client.disconnect()

    def _message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._on_message(topic, bytes(message.payload), message.retain, message.mid if message.qos else 0)

    def _published(
        self, _client: mqtt.Client, _data: object, mid: int, _reason: ReasonCode, _said: Properties | None
    ) -> None:
        self._waiting.pop(mid, None)

    def _disconnected(
        self,
        _client: mqtt.Client,
        _data: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _said: Properties | None,
    ) -> None:
        self.why = self.why or str(reason)
