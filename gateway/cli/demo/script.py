"""The morning: who comes when, what they present, and what the world around the gateway notes of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from gateway.cli.demo.check import Noted
from gateway.cli.demo.children import Child, ChildFailed
from gateway.cli.demo.town import PEOPLE, Person, Town
from gateway.cli.demo.watch import Watch, ask, get, look_inside

DESK, GATE, TILL = "library-desk", "museum-gate", "shop-till"
SHOWN_S = 20.0
"""A station shows its answer within so long, on a machine where everything runs at once."""

BOOKS: list[dict[str, Any]] = [
    {"id": "1", "text": "Pasaku grāmata", "category": "books", "unit_cents": 990, "vat": "C"},
    {"id": "2", "text": "Pildspalva", "category": "stationery", "unit_cents": 125, "quantity": 2000, "vat": "A"},
]


class Failed(Exception):
    """A step did not show what it should."""


class Morning:
    """Plays the steps; `say` tells a person what is going on."""

    def __init__(
        self, town: Town, children: dict[str, Child], watch: Watch, port: int, say: Callable[[str], None]
    ) -> None:
        self._town = town
        self._children = children
        self._watch = watch
        self._port = port
        self._say = say
        self._lock = threading.Lock()
        self.noted = Noted()
        self.failures: list[str] = []
        self.readings = 0
        self._people = {person.name: person for person in PEOPLE}
        watch.on_event = self._on_event
        children["gate-relay"].on_event = self._on_relay
        children["till-printer"].on_event = self._on_printer

    def play(self) -> None:
        """The whole morning."""
        self._step("the library opens", self._library)
        self._step("the museum's gate", self._museum)
        self._step("the shop's till", self._shop)
        self._step("the network goes away", self._offline)
        self._step("a driver is killed", self._killed)

    # Scenes ----------------------------------------------------------------------------------------------

    def _library(self) -> None:
        self._tap(DESK, "desk-reader", "anna", ("accepted",), "Anna's library card (weak: its number can be copied)")
        self._tap(DESK, "desk-reader", "stranger", ("refused",), "a card from another city", reason="unknown")
        self._tap(DESK, "desk-reader", "lost-card", ("refused",), "a card reported lost", reason="blocked")
        self._tap(DESK, "desk-reader", "zane", ("accepted",), "Zane's city card (genuine: it proves itself)")
        self._tap(DESK, "desk-reader", "copy-of-zane", ("refused",), "a copy of Zane's card", reason="replayed")
        self._tap(DESK, "desk-reader", "zane", ("accepted",), "Zane again, with the real one")
        self._show_pass("ilze", ("accepted",), "Ilze's pass on her phone")

    def _museum(self) -> None:
        relay = self._children["gate-relay"]
        relay.ask("auto_pass", channel=0, delay_ms=500)
        self._tap(GATE, "gate-reader", "anna", ("open",), "Anna is a pupil: free", then="passed")
        self._tap(GATE, "gate-reader", "karlis", ("open",), "Karlis with a genuine card: free", then="passed")
        self._tap(GATE, "gate-reader", "peteris", ("refused",), "Peteris pays 1.00 at the desk", reason="payment_due")
        relay.ask("auto_pass", channel=0, delay_ms=0, on=False)
        self._tap(GATE, "gate-reader", "anna", ("open",), "Anna turns round at the gate: void", then="void")
        relay.ask("auto_pass", channel=0, delay_ms=500)

    def _shop(self) -> None:
        self._tap(TILL, "till-reader", "anna", ("accepted",), "Anna taps at the till")
        quote = self._quote("q-1", identified=True)
        self._commit(quote, "r-1", fiscal_number="POS-0001")
        self._say("    the POS repeats its request: the same answer, nothing twice")
        self._commit(quote, "r-1", fiscal_number="POS-0001")
        self._tap(TILL, "till-reader", "peteris", ("accepted",), "Peteris buys too; the shop prints here")
        quote = self._quote("q-2", identified=True)
        self._commit(quote, "r-2", printed=True)

    def _offline(self) -> None:
        broker = self._children["broker"]
        broker.kill()
        self._wait_sync(connected=False)
        self._tap(DESK, "desk-reader", "anna", ("accepted",), "Anna, offline: served all the same")
        self._tap(GATE, "gate-reader", "karlis", ("open",), "Karlis, offline: free all the same", then="passed")
        quote = self._quote("q-3", identified=False)
        self._commit(quote, "r-3", fiscal_number="POS-0002")
        self._say("    the broker is back")
        broker.start()
        self._wait_sync(connected=True)

    def _killed(self) -> None:
        before = self._pids()
        os.kill(before["gate-reader"], signal.SIGKILL)
        self._wait_devices(lambda pids: pids.get("gate-reader") not in (None, before["gate-reader"]))
        after = self._pids()
        for device, pid in before.items():
            if device != "gate-reader" and after.get(device) != pid:
                raise Failed(f"the driver of {device} was started again too")
        self._tap(
            GATE, "gate-reader", "anna", ("open",), "the gate's reader is back, the others never noticed", then="passed"
        )

    # Acts ------------------------------------------------------------------------------------------------

    def _tap(
        self, station: str, reader: str, card: str, shows: tuple[str, ...], words: str, reason: str = "", then: str = ""
    ) -> None:
        self._say(f"    {words}")
        mark = self._watch.mark()
        self._note_presented(station, self._people.get(card.removeprefix("copy-of-")))
        reads = self._children[reader].ask("present", card=card)["reads"]
        self.readings += reads
        if reads != 1:
            raise Failed(f"{reader} read {card} {reads} times")
        self._expect(station, shows, mark, reason)
        if then:
            self._expect(station, (then,), mark, "")

    def _show_pass(self, name: str, shows: tuple[str, ...], words: str) -> None:
        self._say(f"    {words}")
        person = self._people[name]
        mark = self._watch.mark()
        self._note_presented(DESK, person)
        self._children["desk-camera"].ask("show", text=self._town.pass_text(person))
        try:
            self._expect(DESK, shows, mark, "")
            self.readings += 1
        finally:
            self._children["desk-camera"].ask("hide")

    def _expect(self, station: str, shows: tuple[str, ...], mark: int, reason: str) -> None:
        event = self._watch.wait(station, (*shows, "accepted", "refused", "attention"), mark, SHOWN_S)
        if event is None:
            raise Failed(f"{station} showed nothing")
        if event["show"] not in shows or (reason and event.get("reason") != reason):
            raise Failed(f"{station} showed {event['show']} {event.get('reason', '')} instead of {shows[0]} {reason}")

    def _quote(self, key: str, *, identified: bool) -> dict[str, Any]:
        status, answer = ask(self._port, "POST", f"/v1/stations/{TILL}/quotes", {"receipt": {"lines": BOOKS}}, key)
        if status != 200:
            raise Failed(f"quote {key}: {status} {answer}")
        if answer["identified"] is not identified or (answer["discount_cents"] > 0) is not identified:
            raise Failed(f"quote {key}: {answer}")
        quote: dict[str, Any] = answer
        return quote

    def _commit(self, quote: dict[str, Any], key: str, *, fiscal_number: str = "", printed: bool = False) -> None:
        body = {"quote": quote["quote"]}
        body |= {"print": True} if printed else {"fiscal_number": fiscal_number}
        status, answer = ask(self._port, "POST", f"/v1/stations/{TILL}/receipts", body, key)
        if status != 200:
            raise Failed(f"receipt {key}: {status} {answer}")
        with self._lock:
            self.noted.told.add(answer["entry"])
            self.noted.keys[TILL, key] += 1
        if printed and answer["fiscal"]["state"] != "printed":
            raise Failed(f"receipt {key}: {answer['fiscal']}")
        euros = f"{quote['list_cents'] / 100:.2f} -> {quote['due_cents'] / 100:.2f}"
        self._say(f"    receipt {key}: {euros}" + (f", fiscal number {answer['fiscal']['number']}" if printed else ""))

    # Waiting ---------------------------------------------------------------------------------------------

    def _wait_sync(self, *, connected: bool) -> None:
        self._until(lambda: get(self._port, "/v1/status")[1]["sync"]["connected"] is connected, "the link to change")

    def _wait_devices(self, right: Callable[[dict[str, int]], bool]) -> None:
        self._until(lambda: right(self._pids()), "the driver to come back")

    def _pids(self) -> dict[str, int]:
        devices = look_inside(self._town.folder / "state" / "api.sock", "/v1/devices")["devices"]
        return {device["device"]: device["pid"] for device in devices if device["health"] == "ready"}

    def wait_ready(self) -> None:
        """Until every device is ready and rules and registry are in force."""

        def ready() -> bool:
            devices = get(self._port, "/v1/devices")[1]["devices"]
            bundles = get(self._port, "/v1/status")[1]["sync"]["bundles"]
            return all(device["health"] == "ready" for device in devices) and len(bundles) == 2

        self._until(ready, "all devices and both bundles", 90.0)

    def _until(self, right: Callable[[], bool], what: str, timeout: float = 45.0) -> None:
        until = time.monotonic() + timeout
        while True:
            try:
                if right():
                    return
            except OSError:
                pass  # The gateway is starting; the deadline below ends the wait.
            if time.monotonic() > until:
                raise Failed(f"waited {timeout:.0f} s for {what}")
            time.sleep(0.1)

    # Notes -----------------------------------------------------------------------------------------------

    def _note_presented(self, station: str, person: Person | None) -> None:
        digest = self._town.digest(person) if person is not None else ""
        with self._lock:
            self.noted.presented[station, digest] += 1

    def _on_event(self, event: dict[str, Any]) -> None:
        if event.get("entry"):
            with self._lock:
                self.noted.told.add(event["entry"])

    def _on_relay(self, event: dict[str, Any]) -> None:
        if event["event"] == "opened":
            with self._lock:
                self.noted.pulses += 1

    def _on_printer(self, event: dict[str, Any]) -> None:
        if event["event"] == "document" and event["closed"] not in ("cancelled", False):
            with self._lock:
                self.noted.papers.append((event["key"], event["total_cents"]))

    def _step(self, title: str, scene: Callable[[], None]) -> None:
        self._say(f"  {title}")
        try:
            scene()
        except (Failed, ChildFailed, OSError) as error:
            self.failures.append(f"{title}: {error}")
            self._say(f"    NOT AS IT SHOULD BE: {error}")
