"""A socket that met itself, for the gateway's and the centre's way of connecting alike."""

from __future__ import annotations

import socket

import pytest

from gateway.centre.session import Session
from gateway.centre.settings import Settings
from gateway.cli.demo.ports import free_port
from gateway.wire.tcp import refuse_itself

connect = socket.create_connection


def met_itself(port: int) -> socket.socket:
    return connect(("127.0.0.1", port), 5.0, ("127.0.0.1", port))


def test_it_is_refused_and_leaves_the_port_to_whom_it_belongs() -> None:
    port = free_port()
    with met_itself(port) as alone, pytest.raises(ConnectionRefusedError):
        refuse_itself(alone)
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_another_at_the_other_end_is_fine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as here,
        listener.accept()[0] as there,
    ):
        refuse_itself(here)
        refuse_itself(there)


def test_the_centre_has_not_reached_its_broker_when_it_met_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda address, **_how: met_itself(address[1]))
    port = free_port()
    session = Session(Settings(city="jelgava", store="none", port=port, tls=False), "5", [], lambda *_: None)
    assert not session.connect()
    assert "refused" in session.why
    with socket.create_server(("127.0.0.1", port)):
        pass
