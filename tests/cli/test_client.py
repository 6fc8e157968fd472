"""What the command says when the daemon is not there, hangs, refuses, or is something else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli import client as client_module
from gateway.cli.client import Client
from gateway.cli.exits import NotAllowed, Unreachable
from gateway.model.errors import Conflict, DeadlineMissed, GatewayError, InputRefused, NotFound, NotReady
from tests.cli.conftest import smartplace


class Scripted:
    """Listens on a unix socket, keeps each request, and answers all of them with the same bytes. None: silence."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.path = path
        self.requests: list[bytes] = []
        self._answer = answer
        self._held: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for channel in self._held:
            channel.close()

    def _serve(self) -> None:
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:
                return
            self.requests.append(channel.recv(65536))
            if self._answer is None:
                self._held.append(channel)
            else:
                channel.sendall(self._answer)
                channel.close()


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[list[Scripted]]:
    started: list[Scripted] = []
    yield started
    for daemon in started:
        daemon.stop()


def scripted(daemons: list[Scripted], tmp_path: Path, answer: bytes | None) -> Scripted:
    daemons.append(Scripted(tmp_path / f"{len(daemons)}.sock", answer))
    return daemons[-1]


def problem(status: int, **fields: str) -> bytes:
    body = json.dumps({"status": status, "title": "Title", **fields}).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_one_request_is_one_connection_with_a_host_and_no_body(daemons: list[Scripted], tmp_path: Path) -> None:
    daemon = scripted(daemons, tmp_path, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert Client(daemon.path).post("/v1/devices/x/restart") == {}
    lines = daemon.requests[0].decode().split("\r\n")
    assert lines[0] == "POST /v1/devices/x/restart HTTP/1.1"
    assert {"Host: localhost", "Connection: close", "Content-Length: 0"} <= set(lines)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, NotAllowed), (403, NotAllowed), (404, NotFound), (409, Conflict), (422, InputRefused),
        (503, NotReady), (504, DeadlineMissed), (500, GatewayError),
    ],
)  # fmt: skip
def test_a_problem_is_the_error_that_it_is(
    daemons: list[Scripted], tmp_path: Path, status: int, kind: type[GatewayError]
) -> None:
    told = problem(status, detail="it is so", code="a_code", advice="Do this")
    with pytest.raises(kind) as caught:
        Client(scripted(daemons, tmp_path, told).path).get("/v1/status")
    assert type(caught.value) is kind
    assert (caught.value.what, caught.value.code, caught.value.advice) == ("it is so", "a_code", "Do this")


def test_a_problem_on_the_event_stream_is_an_error_too(daemons: list[Scripted], tmp_path: Path) -> None:
    daemon = scripted(daemons, tmp_path, problem(404, detail="no station"))
    with pytest.raises(NotFound):
        list(Client(daemon.path).events("/v1/events?station=x", None))


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"])
def test_something_else_on_the_socket_is_not_understood(daemons: list[Scripted], tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(Unreachable):
        Client(scripted(daemons, tmp_path, answer).path).get("/v1/status")


def test_a_daemon_that_hangs_is_given_up(
    daemons: list[Scripted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "ANSWER_S", 0.2)
    with pytest.raises(DeadlineMissed):
        Client(scripted(daemons, tmp_path, None).path).get("/v1/status")


def test_a_stream_that_says_nothing_at_all_is_dead(
    daemons: list[Scripted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "QUIET_S", 0.2)
    with pytest.raises(Unreachable, match="said nothing"):
        list(Client(scripted(daemons, tmp_path, None).path).events("/v1/events", None))


def test_status_without_a_daemon_says_so_and_is_3(config: Path) -> None:
    told = smartplace("status", "--config", config)
    assert told.returncode == 3
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1
    assert "systemctl start" in told.stderr


def test_status_as_json_without_a_daemon_is_a_document_too(config: Path) -> None:
    told = smartplace("status", "--json", "--config", config)
    assert told.returncode == 3
    assert json.loads(told.stdout)["daemon"] == "unreachable"


def test_a_socket_that_nobody_listens_on_is_3(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    assert smartplace("devices", "--socket", tmp_path / "dead.sock").returncode == 3


def test_a_path_that_no_socket_can_have_is_told(tmp_path: Path) -> None:
    told = smartplace("status", "--socket", tmp_path / ("x" * 120))
    assert told.returncode == 3
    assert "too long" in told.stderr


@pytest.mark.parametrize(
    ("text", "what"),
    [(None, "No such file"), ("[gateway]\nid = what", "line 2"), ("[gateway]\nid = 'x'", "gateway.state is missing")],
)
def test_a_configuration_that_names_no_state_folder_is_9(tmp_path: Path, text: str | None, what: str) -> None:
    file = tmp_path / "gateway.toml"
    if text is not None:
        file.write_text(text)
    told = smartplace("status", "--config", file)
    assert told.returncode == 9
    assert str(file) in told.stderr
    assert what in told.stderr
