"""The link to brokers that know no MQTT 5, say no, or are never reached."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from gateway.model.errors import NotReady
from gateway.sync import link as link_module
from tests.sync.ears import WILL, Ear, make_link, old_and_silent
from tests.sync.servers import CONNACK_311, NOT_AUTHORISED_5, UNSUPPORTED_VERSION_5, server


async def old_and_curt(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if level == 4:
        writer.write(CONNACK_311)
        await reader.read()


async def old_and_polite(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(CONNACK_311 if level == 4 else UNSUPPORTED_VERSION_5)
    await reader.read()


@pytest.mark.parametrize("talk", [old_and_silent, old_and_curt, old_and_polite])
async def test_a_broker_that_knows_no_mqtt_5_gets_3_1_1_next(
    monkeypatch: pytest.MonkeyPatch, talk: Callable[..., asyncio.Future[None]]
) -> None:
    monkeypatch.setattr(link_module, "CONNECT_S", 0.5)
    async with server(talk) as port:
        link, ear = make_link(port), Ear()
        with pytest.raises(NotReady):
            await link.connect(WILL, ear)
        assert (await link.connect(WILL, ear)).protocol == "3.1.1"
        link.drop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_configured_protocol_is_kept(monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    monkeypatch.setattr(link_module, "CONNECT_S", 0.2)
    asked: list[int] = []

    async def silent(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(level)
        await reader.read()

    async with server(silent) as port:
        link = make_link(port, protocol=protocol)
        for _ in range(3):
            with pytest.raises(NotReady):
                await link.connect(WILL, Ear())
    assert asked == [5 if protocol == "5" else 4] * 3


async def test_a_refused_account_is_told_and_tried_with_the_same_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def strict(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(level)
        writer.write(NOT_AUTHORISED_5)
        await reader.read()

    async with server(strict) as port:
        link, ear = make_link(port), Ear()
        for _ in range(2):
            with pytest.raises(NotReady, match="Not authorized"):
                await link.connect(WILL, ear)
    assert asked == [5, 5]
    assert ear.lost == []


async def test_a_network_that_swallows_everything_does_not_cost_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CONNECT_S", 0.3)
    with socket.socket() as full:
        # A listener whose queue is full answers no further SYN: TCP itself hangs.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        link = make_link(full.getsockname()[1])
        with pytest.raises(NotReady, match="does not answer"):
            await link.connect(WILL, Ear())
        assert not link._speak_old
        for one in waiting:
            one.close()
