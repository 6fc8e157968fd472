"""The link to an MQTT broker on paho-mqtt. It runs in the event loop: no thread, no lock.

Each connection is a new client: what was on its way is rebuilt from the ledger, never from paho's memory.
paho's traps that this file is built around: it queues without bound (never hand it more than the window), it
ignores the server's Receive Maximum (read it from CONNACK ourselves), it has no jitter (see `backoff`), and
some brokers leave an MQTT 5 CONNECT hanging (time out, then speak 3.1.1).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from contextlib import suppress
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.model.errors import NotReady
from gateway.sync.loop_socket import LoopSocket
from gateway.sync.port import Broker, Connected, Listener, Will

CONNECT_S = 6.0
"""For TCP, TLS and CONNACK together. A black hole must not hold an attempt for minutes."""
GOODBYE_S = 0.5
"""For what is still to be written at a clean stop."""

log = logging.getLogger("sync.link")


class _TlsSocket(ssl.SSLSocket):
    """Closes itself when its handshake fails; paho forgets to, and an unattended box would run out of descriptors."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except (OSError, ValueError):
            self.close()
            raise


class PahoLink:
    """The port on paho-mqtt. One connection at a time; `connect` again after a loss."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._speak_old = broker.protocol == "3.1.1"
        self._client: mqtt.Client | None = None
        self._socket: LoopSocket | None = None

    async def connect(self, will: Will, listener: Listener) -> Connected:
        """One attempt. Raises `NotReady` with the reason; an MQTT 5 attempt that was refused for its version, or
        was left hanging, makes the next one speak 3.1.1."""
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._answer: asyncio.Future[Connected] = self._loop.create_future()
        self._subscribed: dict[int, asyncio.Future[None]] = {}
        self._unconfirmed: set[int] = set()
        self._confirmed = asyncio.Event()
        self._hung_up = asyncio.Event()
        self._lost_told = True  # Nothing is there yet that could be lost.
        self._refusal_told = False
        client = self._client = self._make_client(will)
        served = self._socket = LoopSocket(self._loop, client, self._broker.keepalive_s, self._silent)
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._reach(client, served)
                connected = await self._answer
        except TimeoutError as error:
            if client.socket() is not None:
                self._after_refusal()  # It was reached and left our CONNECT hanging.
            self.drop()
            raise NotReady(f"{self._broker.host}:{self._broker.port} does not answer", "Check the network") from error
        except (OSError, ValueError) as error:
            self.drop()
            raise NotReady(
                f"{self._broker.host}:{self._broker.port}: {error}", "Check [sync] and the network"
            ) from error
        except NotReady:
            self.drop()
            raise
        self._lost_told = False
        served.keep_alive()
        return connected

    def _make_client(self, will: Will) -> mqtt.Client:
        version = mqtt.MQTTv311 if self._speak_old else mqtt.MQTTv5
        options: dict[str, Any] = {"clean_session": True} if self._speak_old else {}
        client = mqtt.Client(CallbackAPIVersion.VERSION2, self._broker.client_id, protocol=version, **options)
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        if self._broker.user:
            client.username_pw_set(self._broker.user, self._broker.password or None)
        if self._broker.tls is not None:
            self._broker.tls.sslsocket_class = _TlsSocket
            client.tls_set_context(self._broker.tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    async def _reach(self, client: mqtt.Client, served: LoopSocket) -> None:
        """TCP and TLS, in a thread that nobody waits for: a resolver may hang for a minute, and the daemon's end
        must not. Whoever comes through too late is sent home, or it would push the next connection out."""
        answer: asyncio.Future[None] = self._loop.create_future()

        def work() -> None:
            failed: OSError | ValueError | None = None
            try:
                client.connect(self._broker.host, self._broker.port, keepalive=self._broker.keepalive_s)
            except (OSError, ValueError) as error:
                failed = error
            served.from_any(self._reached, served, answer, failed)

        threading.Thread(target=work, name="mqtt connect", daemon=True).start()
        await answer

    def _reached(self, served: LoopSocket, answer: asyncio.Future[None], failed: OSError | ValueError | None) -> None:
        if served is not self._socket:
            served.close()
        elif not answer.done():
            if failed is None:
                answer.set_result(None)
            else:
                answer.set_exception(failed)

    async def subscribe(self, topics: list[str]) -> None:
        """Subscribe with QoS 1 and wait for the broker's word. Raises `NotReady`."""
        client = self._live()
        code, mid = client.subscribe([(topic, 1) for topic in topics])
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise NotReady(f"subscribing failed: {mqtt.error_string(code)}")
        answer: asyncio.Future[None] = self._loop.create_future()
        self._subscribed[mid] = answer
        try:
            async with asyncio.timeout(CONNECT_S):
                await answer
        except TimeoutError as error:
            raise NotReady("the broker does not answer a subscription", "Check the broker's log") from error

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send with QoS 1; returns the number that `on_published` will name. Raises `NotReady` when not connected."""
        info = self._live().publish(topic, payload, qos=1, retain=retain)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            raise NotReady(f"publishing failed: {mqtt.error_string(info.rc)}")
        self._unconfirmed.add(info.mid)
        return info.mid

    async def disconnect(self) -> None:
        """Let what was published arrive, say goodbye (the broker then forgets the will) and close."""
        client = self._client
        if client is not None and client.socket() is not None:
            self._lost_told = True
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    # Closing on unread PUBACKs would reset the connection, and the broker would drop what it has
                    # not read yet, our goodbye included.
                    while self._unconfirmed and not self._hung_up.is_set():
                        await self._confirmed.wait()
                        self._confirmed.clear()
                    client.disconnect()
                    await self._hung_up.wait()
        self.drop()

    def drop(self) -> None:
        """Close the socket without a goodbye, as a cut cable would."""
        self._client = None
        served, self._socket = self._socket, None
        if served is not None:
            served.close()

    def _live(self) -> mqtt.Client:
        if self._client is None:
            raise NotReady("no connection to the broker")
        return self._client

    # paho's callbacks ------------------------------------------------------------------------------------

    def _on_connect(
        self, client: mqtt.Client, _user: object, _flags: object, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if client is not self._client or self._answer.done():
            return
        if reason.is_failure:
            if "protocol version" in str(reason).lower():
                self._after_refusal()
            self._answer.set_exception(NotReady(f"the broker refused: {reason}", "Check the account in [sync]"))
            return
        maximum = getattr(properties, "ReceiveMaximum", None) or 65535
        largest = getattr(properties, "MaximumPacketSize", None)
        self._answer.set_result(Connected("3.1.1" if self._speak_old else "5", int(maximum), largest))

    def _on_disconnect(
        self, client: mqtt.Client, _user: object, _flags: object, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if client is self._client:
            self._hung_up.set()
            self._confirmed.set()
            self._lost(str(reason))

    def _on_message(self, _client: object, _user: object, message: mqtt.MQTTMessage) -> None:
        self._listener.on_message(message.topic, bytes(message.payload))

    def _on_publish(self, _client: object, _user: object, mid: int, reason: ReasonCode, _properties: object) -> None:
        if reason.is_failure and not self._refusal_told:
            self._refusal_told = True
            log.warning("the broker refuses what is published: %s; check its access rules and quotas", reason)
        self._unconfirmed.discard(mid)
        self._confirmed.set()
        # Not at once: `publish` must have returned this number first.
        self._loop.call_soon(self._listener.on_published, mid, str(reason) if reason.is_failure else "")

    def _on_subscribe(self, _client: object, _user: object, mid: int, reasons: list[ReasonCode], _p: object) -> None:
        answer = self._subscribed.pop(mid, None)
        if answer is None or answer.done():
            return
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            answer.set_exception(NotReady(f"the broker refused a subscription: {refused[0]}", "Check its access rules"))
        else:
            answer.set_result(None)

    def _lost(self, reason: str) -> None:
        if not self._answer.done():
            # Closed before CONNACK: brokers that know no MQTT 5 often just hang up.
            self._after_refusal()
            self._answer.set_exception(NotReady(f"the broker hung up: {reason}"))
            return
        for answer in self._subscribed.values():
            if not answer.done():
                answer.set_exception(NotReady(f"connection lost: {reason}"))
        if not self._lost_told:
            self._lost_told = True
            self.drop()
            self._listener.on_lost(reason)

    def _silent(self) -> None:
        self._lost("no answer to a ping")

    def _after_refusal(self) -> None:
        if self._broker.protocol == "auto":
            self._speak_old = not self._speak_old
