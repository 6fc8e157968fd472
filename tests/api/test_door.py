"""Whoever comes while the API stops is let go properly, whatever turn of the loop it is."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import warnings

import pytest

from gateway.api import door as door_module
from gateway.api.door import Door
from tests.api.conftest import Place


class Guest(asyncio.Protocol):
    """Counts who came and who has gone."""

    here: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Guest.here += 1
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        Guest.here -= 1


def bound() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


@pytest.mark.parametrize("turns", range(7))
async def test_who_comes_at_the_last_moment_is_not_forgotten(turns: int, place: Place) -> None:
    assert place.api is not None
    with warnings.catch_warnings(record=True) as told, socket.create_connection(("127.0.0.1", place.api.port)) as late:
        warnings.simplefilter("always")
        for _ in range(turns):
            await asyncio.sleep(0)
        await place.api.stop()
        await asyncio.sleep(0)
        gc.collect()
        late.settimeout(5)
        with contextlib.suppress(ConnectionResetError):  # who had not been let in
            assert late.recv(1) == b""
    assert [str(warning.message) for warning in told] == []


async def test_without_descriptors_the_door_waits_and_opens_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "PAUSE_S", 0.05)
    door, sock, failures = Door(Guest), bound(), 2

    class Poor:
        """A listening socket of a process that has no descriptor left, twice."""

        def accept(self) -> tuple[socket.socket, object]:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise OSError(24, "Too many open files")
            return sock.accept()

        def __getattr__(self, name: str) -> object:
            return getattr(sock, name)

    door.open(Poor())  # type: ignore[arg-type]
    _, writer = await asyncio.open_connection(*sock.getsockname())
    async with asyncio.timeout(10):
        while not Guest.here:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert failures == -1
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(10):
        while Guest.here:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await door.close()
