"""What people do at the stations, and what the world around the gateway notes of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from gateway.cli.demo.check import Noted, Told
from gateway.cli.demo.rig import PRINTER, RELAY, Failed, Rig
from gateway.cli.demo.town import PEOPLE, Person
from gateway.cli.demo.watch import Event, Watch, ask

DESK, GATE, TILL = "library-desk", "museum-gate", "shop-till"
READER_OF = {DESK: "desk-reader", GATE: "gate-reader", TILL: "till-reader"}
SHOWN_S = 20.0
"""A station shows its answer within so long, on a machine where everything runs at once."""
ANSWERS = ("accepted", "refused", "open", "attention")
"""What a station may show to somebody who has presented something."""

FISCAL = ("sale", "reversal")
"""Documents of the printer that are receipts; the others are reports and slips."""
NETFP_PRINTER = "dt000600"
"""As config/demo.toml names the till's printer for programs that know ErpNet.FP."""

BASKET: list[dict[str, Any]] = [
    {"id": "1", "text": "Pasaku grāmata", "category": "books", "unit_cents": 990, "vat": "C"},
    {"id": "2", "text": "Pildspalva", "category": "stationery", "unit_cents": 125, "quantity": 2000, "vat": "A"},
]


class Acts:
    """Each act raises `Failed` when the gateway does not show what it should. `noted` is for the count."""

    def __init__(self, rig: Rig, watch: Watch, say: Callable[[str], None]) -> None:
        self.rig = rig
        self.noted = Noted()
        self.readings = 0
        """Cards that simulated readers read to the end, and codes held up before the camera."""
        self._watch = watch
        self._say = say
        self._lock = threading.Lock()
        self._people = {person.name: person for person in PEOPLE}
        # A kept work folder remembers the keys of earlier mornings.
        self._run = os.urandom(3).hex()
        watch.on_event = self._on_event
        rig.children[RELAY].on_event = self._on_relay
        rig.children[PRINTER].on_event = self._on_printer

    # At the reader ---------------------------------------------------------------------------------------

    def tap(self, station: str, card: str, show: str, words: str, *, reason: str = "", then: str = "") -> None:
        """Somebody holds a card to the station's reader."""
        self._say(f"    {words}")
        reader = READER_OF[station]
        mark = self._watch.mark()
        self.note_presented(station, self._people[card.removeprefix("copy-of-")])
        reads = self.rig.children[reader].ask("present", card=card)["reads"]
        self.readings += reads
        if reads != 1:
            raise Failed(f"{reader} read {card} {reads} times")
        self._expect(station, show, mark, reason)
        if then and self._watch.wait(station, (then,), mark, SHOWN_S) is None:
            raise Failed(f"{station} did not show {then}")

    def group(self, station: str, card: str, words: str) -> None:
        """A group with one pass: all of them walk in, one opening for each, and the page has counted them."""
        persons = self._people[card].persons
        pulses, mark = self.noted.pulses, self._watch.mark()
        self.tap(station, card, "open", words, then="passed")
        event = self._watch.wait(station, ("passed",), mark, SHOWN_S)
        told = (event or {}).get("passed"), (event or {}).get("persons")
        if told != (persons, persons):
            raise Failed(f"{station} showed {told[0]} of {told[1]} persons instead of {persons} of {persons}")
        if self.noted.pulses - pulses != persons:
            raise Failed(f"{station} opened {self.noted.pulses - pulses} times for {persons} persons")

    def show_pass(self, name: str, show: str, words: str, *, reason: str = "", text: str = "") -> None:
        """Somebody holds a pass before the desk's camera: a good one of theirs, or this text."""
        self._say(f"    {words}")
        person = self._people[name]
        mark = self._watch.mark()
        # Whose a pass is that the gateway refuses to believe stays unknown.
        self.note_presented(DESK, None if reason else person)
        camera = self.rig.children["desk-camera"]
        camera.ask("show", text=text or self.rig.town.pass_text(person))
        self.readings += 1
        try:
            self._expect(DESK, show, mark, reason)
        finally:
            camera.ask("hide")

    def people_walk_through(self, yes: bool, *, delay_ms: int = 500) -> None:
        """Whether people pass the gate that has opened, so long after it has."""
        self.rig.children[RELAY].ask("auto_pass", channel=0, delay_ms=delay_ms, on=yes)

    def _expect(self, station: str, show: str, mark: int, reason: str) -> None:
        event = self._watch.wait(station, ANSWERS, mark, SHOWN_S)
        if event is None:
            raise Failed(f"{station} showed nothing")
        if (event["show"], event.get("reason", "")) != (show, reason):
            shown = f"{event['show']} {event.get('reason', '')}"
            raise Failed(f"{station} showed {shown.strip()} instead of {show} {reason}".rstrip())

    # At the till -----------------------------------------------------------------------------------------

    def quote(self, number: str, *, identified: bool) -> dict[str, Any]:
        """The POS asks what is due for the basket."""
        answer = self._post("quotes", {"receipt": {"lines": BASKET}}, f"q-{self._run}-{number}")
        discount = answer["discount_cents"]
        if answer["identified"] is not identified or (discount > 0) is not identified:
            raise Failed(f"quote {number}: identified {answer['identified']}, {discount} cents off")
        return answer

    def commit(self, quote: dict[str, Any], number: str, *, fiscal_number: str = "", printed: bool = False) -> None:
        """The POS commits a quote: printed by itself, or to be printed here."""
        key = f"r-{self._run}-{number}"
        how = {"print": True} if printed else {"fiscal_number": fiscal_number}
        answer = self._post("receipts", {"quote": quote["quote"], **how}, key)
        with self._lock:
            self.noted.answers.append(Told(answer["entry"], TILL, key=key))
        said = f"    receipt {number}: {quote['list_cents'] / 100:.2f} -> {quote['due_cents'] / 100:.2f}"
        if printed:
            said += f", on paper with number {self._on_paper(quote, answer['fiscal'])}"
        self._say(said)

    def print_as_erpnet_fp(self, number: str) -> None:
        """Another POS knows ErpNet.FP only, and asks twice under one task id: one paper, the same number."""
        path = f"/printers/{NETFP_PRINTER}/receipt?taskId=pos-{self._run}-{number}"
        items = [{"text": "Pildspalva", "quantity": 2, "unitPrice": 1.25, "taxGroup": 1}]
        numbers = []
        for _ in range(2):
            status, answer = ask(self.rig.ports["netfp"], "POST", path, {"items": items})
            if status != 200 or answer.get("ok") is not True:
                raise Failed(f"ErpNet.FP's interface: {status} {answer}")
            numbers.append(answer["receiptNumber"])
        if len(set(numbers)) != 1:
            raise Failed(f"one task id, two receipts: {numbers}")
        self._say(f"    receipt {number}: 2.50, on paper with number {numbers[0]}")

    def _on_paper(self, quote: dict[str, Any], fiscal: dict[str, Any]) -> str:
        key = quote["quote"]
        if fiscal["state"] != "printed":
            raise Failed(f"the receipt is {fiscal['state']} {fiscal.get('reason', '')}")
        with self._lock:
            self.noted.printed.add(key)
            papers = dict(self.noted.papers)
        # What a payer bears as a means of payment of its own stands within the receipt's total.
        shares = (share for line in quote["lines"] for share in line.get("shares", ()))
        total = quote["due_cents"] + sum(share["cents"] for share in shares if share.get("form") == "tender")
        if papers.get(key, total) != total:
            raise Failed(f"the paper says {papers[key]} cents, the till {total}")
        return str(fiscal["number"])

    def _post(self, what: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        status, answer = ask(self.rig.port, "POST", f"/v1/stations/{TILL}/{what}", body, key)
        if status != 200 or not isinstance(answer, dict):
            raise Failed(f"{what}: {status} {answer}")
        return answer

    def wait_online(self, online: bool) -> None:
        """Until the gateway has (or has no) connection to the broker."""
        self.rig.until(lambda: self.rig.status()["sync"]["connected"] is online, "the link to change")

    # Notes -----------------------------------------------------------------------------------------------

    def note_presented(self, station: str, person: Person | None) -> None:
        """Before it happens: what is stored afterwards has had its cause. None: whose it is cannot be read."""
        digest = self.rig.town.digest(person) if person is not None else ""
        with self._lock:
            self.noted.presented[station, digest] += 1

    def _on_event(self, event: Event) -> None:
        if event.get("entry"):
            with self._lock:
                self.noted.shown.append(Told(event["entry"], event["station"], mark=event.get("mark", "")))

    def _on_relay(self, event: Event) -> None:
        if event["event"] == "opened":
            with self._lock:
                self.noted.pulses += 1

    def _on_printer(self, event: Event) -> None:
        if event["event"] == "document" and event["kind"] in FISCAL and event["closed"] is True:
            with self._lock:
                self.noted.papers.append((event["key"], event["total_cents"]))
