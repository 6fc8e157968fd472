"""Bench `till`, the receipts: a POS commits a quote that is printed here, on a printer that takes its time; beside each
the same frames by a bare host, on a printer of its own."""

from __future__ import annotations

import http.client
import json
import random
import time
from pathlib import Path
from typing import Any

from gateway.cli.demo.children import Child, python
from tests.bench.context import Context
from tests.bench.frame import Promise, Row, compare, median, require
from tests.bench.stage import ZONE, Gateway, Stage, until

ROUNDS, RECEIPTS = 5, 8
LINES = 10
LINE_MS = 40
"""A thermal printer prints some 25 lines a second."""
BAUD = 115200
SHARE = 0.05

DEVICES = """
[[device]]
id = "till-printer"
driver = "fiscal"
options = {{ port = {port}, poll_s = 60 }}

[[station]]
kind = "till"
id = "shop-till"
printer = "till-printer"
"""


def receipts(context: Context) -> list[Row]:
    with Stage(context.folder) as stage:
        stage.prepare()
        _configure(stage)
        stage.start_broker()
        stage.start_centre(stage.folder / "centre.db")
        printers = [_printer(stage, name) for name in ("till-printer", "bare-printer")]
        port = str(stage.devices / "bare-printer")
        bare = stage.child("raw-receipt", python("tests.bench.baselines.raw_receipt", port))
        gateway = Gateway(stage)
        gateway.start()
        gateway.wait_ready()
        pos = _Pos(stage, bare, printers)
        pos.play(1)
        ours, raw = [], []
        for number in context.rounds(ROUNDS):
            mine, least = pos.play(1 if context.quick else RECEIPTS)
            ours.append(mine)
            raw.append(least)
            context.say(f"  round {number + 1}: {median(mine):.0f} ms a receipt, bare {median(least):.0f}")
        gateway.stop()
    shares = [[one / other - 1 for one, other in zip(*pair, strict=True)] for pair in zip(ours, raw, strict=True)]
    promise = Promise(SHARE, f"<= {SHARE:.0%} beyond wire and print time")
    return [
        compare("till", "receipt_ms", "ms", ours, raw),
        compare("till", "gateway_share_of_wire", "", shares, None, promise=promise),
    ]


class _Pos:
    """One at the gateway, one at a printer of its own."""

    def __init__(self, stage: Stage, bare: Child, printers: list[Child]) -> None:
        self._pos = http.client.HTTPConnection("127.0.0.1", stage.ports["pages"], timeout=60)
        self._bare = bare
        self._printers = printers
        self._random = random.Random(1)
        self._made = 0

    def play(self, number: int) -> tuple[list[float], list[float]]:
        """So many receipts on both. Milliseconds each."""
        ours, raw = [], []
        for _ in range(number):
            self._made += 1
            cents = [self._random.randrange(50, 2500) for _ in range(LINES)]
            lines = [
                {"id": str(at), "text": f"Article {at}", "category": "books", "unit_cents": one, "discountable": False}
                for at, one in enumerate(cents)
            ]
            quote = self._send("quotes", {"receipt": {"lines": lines}})
            require(quote["due_cents"] == sum(cents), f"{quote['due_cents']} cents are due, not {sum(cents)}")
            began = time.monotonic()
            done = self._send("receipts", {"quote": quote["quote"], "print": True})
            ours.append((time.monotonic() - began) * 1000)
            require(done["fiscal"]["state"] == "printed", f"not printed: {done['fiscal']}")
            raw.append(self._bare.ask("receipt", 60.0, frames=_frames(quote["quote"], cents)) * 1000)
            self._check(sum(cents))
        return ours, raw

    def _check(self, cents: int) -> None:
        """The same stands on both papers."""
        papers = []
        for printer in self._printers:
            papers.append(self._last(printer))
        require([paper["total_cents"] for paper in papers] == [cents, cents], "another total stands on paper")
        lengths = [len(paper["lines"]) for paper in papers]
        require(lengths[0] == lengths[1], f"lines on paper: {lengths}")
        # One receipt's commands, at both alike: what is left is not the wire's.
        done = [_of_receipt(printer.ask("done")) for printer in self._printers]
        require(done[0] == done[1], f"commands: {done}")

    def _last(self, printer: Child) -> dict[str, Any]:
        until(lambda: len(self._paper(printer)) == self._made, 10, f"{printer.name}'s paper")
        return self._paper(printer)[-1]

    @staticmethod
    def _paper(printer: Child) -> list[dict[str, Any]]:
        return [event for event in list(printer.events) if event["event"] == "document" and event["closed"] is True]

    def _send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"bench-{self._made}"}
        self._pos.request("POST", f"/v1/stations/shop-till/{path}", json.dumps(body), headers)
        answer = self._pos.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        require(answer.status == 200, f"{path}: {told}")
        return told


def _of_receipt(commands: list[int]) -> list[int]:
    """Those of the last receipt, among others that come at any time."""
    opened = len(commands) - 1 - commands[::-1].index(48)
    return commands[opened - 4 : opened + LINES + 7]


def _frames(key: str, cents: list[int]) -> list[tuple[int, str]]:
    """What the driver sends for this receipt: what the counters are, the receipt with its subtotal, its number and
    time. Datecs, Communication Protocol, group A, v1.00BG."""
    sales = [(49, f"Article {at}\tA{_money(one)}*1.000") for at, one in enumerate(cents)]
    paid = [(51, "00"), (53, f"\tP{_money(sum(cents))}"), (56, ""), (113, ""), (62, "")]
    return [(74, "X"), (110, ""), (65, "0"), (113, ""), (48, "1,0000,1"), (54, f"Nr. {key}"), *sales, *paid]


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _printer(stage: Stage, name: str) -> Child:
    flags = ["--link", str(stage.devices / name), "--line-ms", str(LINE_MS), "--baud", str(BAUD), "--zone", ZONE]
    return stage.child(f"sim-{name}", python("drivers.simulators.printer", *flags))


def _configure(stage: Stage) -> None:
    """The demo's configuration up to its devices, then this bench's till."""
    text = stage.config.read_text(encoding="utf-8")
    port = json.dumps(str(Path(stage.devices) / "till-printer"))
    stage.config.write_text(text[: text.index("[[device]]")] + DEVICES.format(port=port), encoding="utf-8")
