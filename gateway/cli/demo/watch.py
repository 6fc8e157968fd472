"""The gateway from outside: what a page sees of it, what a POS asks of it, what a technician looks at."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.cli.client import Client
from gateway.cli.exits import Unreachable
from gateway.cli.http import events

Event = dict[str, Any]

AGAIN_S = 0.1
"""Between two attempts to follow a gateway that is not there."""


class Watch:
    """Follows all stations in a thread, as a page does, and remembers everything it was told. A lost connection is
    made again; each event counts once, over restarts of the gateway too."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._session = ""
        self._number = 0
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda event: None

    def start(self) -> None:
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def stop(self) -> None:
        """What comes from now on is not heard. The thread ends with its connection."""
        self._ended.set()

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
        while not self._ended.is_set():
            try:
                self._follow()
            except (OSError, http.client.HTTPException, Unreachable):
                self._ended.wait(AGAIN_S)

    def _follow(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", f"/v1/events?after={self._number}", headers={"Accept": "text/event-stream"})
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise ConnectionError(f"status {answer.status}")
            for event in events(iter(lambda: answer.read1(65536), b"")):
                if self._ended.is_set():
                    return
                if event.name == "hello" and not self._is_same(json.loads(event.data)["session"]):
                    return
                if event.name == "shown":
                    self._take(json.loads(event.data))
        finally:
            connection.close()

    def _is_same(self, session: str) -> bool:
        """False when this is a new daemon and we have not asked for its events from the first on."""
        same = session == self._session or self._number == 0
        if session != self._session:
            self._session, self._number = session, 0
        return same

    def _take(self, event: Event) -> None:
        if event["number"] <= self._number:
            return
        self._number = event["number"]
        # Noted first: who waits for the event may look at the notes at once.
        self.on_event(event)
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()


def look_inside(path: Path, what: str) -> Any:
    """GET on the unix socket, which tells what the open port does not: process ids. Raises `OSError` when the
    gateway is not there."""
    try:
        return Client(path).get(what)
    except Unreachable as error:
        raise ConnectionError(str(error)) from error


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
