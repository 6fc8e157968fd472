"""The small port between sync and MQTT: what a link does, who listens to it, where it leads."""

from __future__ import annotations

import ssl
from typing import Protocol

import msgspec


class Will(msgspec.Struct, frozen=True):
    topic: str
    payload: bytes


class Connected(msgspec.Struct, frozen=True):
    """What the broker granted: protocol spoken, how many QoS 1 messages may be on their way, and how many bytes a
    packet may have (None: it did not say)."""

    protocol: str
    receive_maximum: int
    maximum_packet: int | None = None


class Listener(Protocol):
    """Who hears of the link; always called in the event loop."""

    def on_message(self, topic: str, payload: bytes) -> None: ...
    def on_published(self, message: int, refusal: str) -> None:
        """The broker has answered; `refusal` is its reason for not taking the message, empty when it took it."""
        ...

    def on_lost(self, reason: str) -> None: ...


class Link(Protocol):
    """Six methods between sync and MQTT."""

    async def connect(self, will: Will, listener: Listener) -> Connected: ...
    async def subscribe(self, topics: list[str]) -> None: ...
    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int: ...
    async def disconnect(self) -> None: ...
    def drop(self) -> None: ...


class Broker(msgspec.Struct, frozen=True):
    """Where and how to connect. `password` is the secret itself: `repr` hides it."""

    host: str
    port: int
    client_id: str
    keepalive_s: int
    protocol: str = "auto"
    tls: ssl.SSLContext | None = None
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Broker({self.host}:{self.port})"
