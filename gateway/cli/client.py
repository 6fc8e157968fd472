"""Asks the daemon over its unix socket: raw socket, stdlib json. The socket's peer credentials are the key."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gateway.cli.exits import NotAllowed, Unreachable
from gateway.cli.http import Answer, BadAnswer, Event, Head, events
from gateway.model.errors import Conflict, DeadlineMissed, GatewayError, InputRefused, NotFound, NotReady

ANSWER_S = 5.0
"""For a whole answer. The daemon answers within milliseconds, on a busy Pi within some hundred."""

QUIET_S = 60.0
"""An event stream without a byte for so long is dead: the daemon sends a comment every 15 s."""

LONGEST_PATH = 107
"""Bytes of a unix socket's path (unix(7): 108 with the final zero)."""

_BY_STATUS: dict[int, type[GatewayError]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    503: NotReady,
    504: DeadlineMissed,
}


class Client:
    """One daemon. Each call is a connection of its own.

    Every call raises `Unreachable` when nobody is there, `NotAllowed` when the socket or the daemon refuses this
    user, and for a problem of the daemon's the error that it is, with its code and advice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, target: str, *, answer_s: float = ANSWER_S) -> Any:
        """The JSON at this target, within so many seconds."""
        return self._ask("GET", target, answer_s=answer_s)

    def post(self, target: str, body: object = None, *, answer_s: float = ANSWER_S, key: str = "") -> Any:
        """What a POST answers, with a JSON body (a value, or bytes that are JSON already) or none; within so many
        seconds. `key`: the Idempotency-Key of what books."""
        return self._ask("POST", target, body, answer_s, key)

    def events(self, target: str, until: float | None) -> Iterator[Event]:
        """Events as they come, until the stream ends; `DeadlineMissed` when `until` (monotonic) has passed."""
        with self._connect() as channel:
            answer, head = self._send(channel, "GET", target, until, "text/event-stream", b"")
            if head.status != 200:
                raise _problem(head, answer.body(head))
            yield from events(answer.pieces(head))

    def _ask(self, method: str, target: str, content: object = None, answer_s: float = ANSWER_S, key: str = "") -> Any:
        sent = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        with self._connect() as channel:
            until = time.monotonic() + answer_s
            answer, head = self._send(channel, method, target, until, "application/json", sent, key)
            told = answer.body(head)
        if not 200 <= head.status < 300:
            raise _problem(head, told)
        return _json(told) if told else None

    def _send(
        self,
        channel: socket.socket,
        method: str,
        target: str,
        until: float | None,
        accept: str,
        content: bytes = b"",
        key: str = "",
    ) -> tuple[Answer, Head]:
        length = f"Content-Length: {len(content)}\r\n" if method == "POST" else ""
        length += "Content-Type: application/json\r\n" if content else ""
        length += f"Idempotency-Key: {key}\r\n" if key else ""
        request = (
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n{length}Connection: close\r\n\r\n"
        )
        answer = Answer(_receiver(channel, until, self.path))
        try:
            channel.sendall(request.encode("ascii") + content)
        except OSError as error:
            raise self._gone(error) from error
        return answer, answer.head()

    def _connect(self) -> socket.socket:
        where = str(self.path)
        if len(os.fsencode(self.path)) > LONGEST_PATH:
            raise Unreachable("the socket's path is too long", "Choose a shorter gateway.state", where=where)
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.settimeout(ANSWER_S)
        try:
            channel.connect(where)
        except PermissionError as error:
            channel.close()
            raise NotAllowed("this user may not ask the daemon", "Use sudo", where=where) from error
        except OSError as error:
            channel.close()
            raise self._gone(error) from error
        return channel

    def _gone(self, error: OSError) -> Unreachable:
        advice = "Start it: systemctl start smartplace-gateway; its log: journalctl -u smartplace-gateway"
        return Unreachable(f"the daemon does not answer: {error.strerror or error}", advice, where=str(self.path))


def _receiver(channel: socket.socket, until: float | None, path: Path) -> Callable[[int], bytes]:
    def receive(size: int) -> bytes:
        left = QUIET_S if until is None else until - time.monotonic()
        if left <= 0:
            raise DeadlineMissed("no answer in time", where=str(path))
        channel.settimeout(min(left, QUIET_S))
        try:
            return channel.recv(size)
        except TimeoutError as error:
            if left <= QUIET_S and until is not None:
                raise DeadlineMissed("no answer in time", where=str(path)) from error
            raise Unreachable(f"the daemon has said nothing for {QUIET_S:.0f} s", where=str(path)) from error
        except OSError as error:
            raise Unreachable(f"the daemon has gone: {error.strerror or error}", where=str(path)) from error

    return receive


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("it is not JSON") from error


def _problem(head: Head, body: bytes) -> GatewayError:
    """A problem document (RFC 9457) as the error that it is."""
    told = _json(body) if head.headers.get("content-type", "").startswith("application/problem+json") else {}
    if not isinstance(told, dict):
        told = {}
    what = str(told.get("detail") or told.get("title") or f"the daemon answers with HTTP status {head.status}")
    kind = _BY_STATUS.get(head.status, InputRefused if 400 <= head.status < 500 else GatewayError)
    return kind(what, str(told.get("advice") or ""), code=str(told.get("code") or kind.code))
