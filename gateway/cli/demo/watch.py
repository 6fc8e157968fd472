"""Follows the gateway from outside, as a page does: every event of every station, kept for the count."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Watch:
    """Reads the event stream in a thread, connects again after a loss, remembers everything it was told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._changed = threading.Condition()
        self._ended = False
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda event: None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended = True

    def mark(self) -> int:
        """How many events there have been: `wait` looks behind it."""
        with self._changed:
            return len(self.events)

    def wait(self, station: str, shows: tuple[str, ...], after: int, timeout: float) -> Event | None:
        """The first event of a station after `after` that shows one of these, or None when none comes in time."""
        until = time.monotonic() + timeout
        with self._changed:
            while True:
                for event in self.events[after:]:
                    if event["station"] == station and event["show"] in shows:
                        return event
                if (left := until - time.monotonic()) <= 0:
                    return None
                self._changed.wait(left)

    def _run(self) -> None:
        last = ""
        while not self._ended:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            try:
                headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
                connection.request("GET", "/v1/events?after=0", headers=headers)
                answer = connection.getresponse()
                if answer.status == http.client.OK:
                    last = self._read(answer, last)
                else:
                    time.sleep(0.2)
            except (OSError, http.client.HTTPException):
                time.sleep(0.2)
            finally:
                connection.close()

    def _read(self, answer: http.client.HTTPResponse, last: str) -> str:
        while not self._ended:
            line = answer.readline()
            if not line:
                # A new daemon counts from one again.
                return "" if answer.isclosed() else last
            text = line.decode("utf-8").rstrip("\r\n")
            if text.startswith("id:"):
                last = text[3:].strip()
            elif text.startswith("data:"):
                self._take(json.loads(text[5:]))
        return last

    def _take(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()
        self.on_event(event)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP on the gateway's unix socket: the technician's way."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def look_inside(path: Path, what: str) -> Any:
    """GET on the unix socket, which tells what the open port does not: process ids."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", what)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def get(port: int, path: str, timeout: float = 10.0) -> tuple[int, Any]:
    """GET from the local API: status and decoded JSON."""
    return ask(port, "GET", path, timeout=timeout)


def ask(
    port: int, method: str, path: str, body: object = None, key: str = "", timeout: float = 60.0
) -> tuple[int, Any]:
    """One request to the local API, as a POS makes it. Raises `OSError` when the gateway is not there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if key:
        headers["Idempotency-Key"] = key
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        raw = answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()
    return answer.status, json.loads(raw) if raw else None
