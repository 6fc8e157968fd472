"""Bench `till`, the quotes: a tap waits, the POS sends a receipt of 10 or 100 lines to a gateway with 10,000 rules, and
has the answer, the quote durable. Beside each: one raw SQLite commit of as many bytes.
"""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gateway.cli.demo.children import Child, python
from gateway.devices.intake import READINGS_PER_S
from tests.bench.baselines.rule_index import CATEGORIES
from tests.bench.cli import smartplace
from tests.bench.context import Context
from tests.bench.frame import Promise, Row, compare, median, p99, require
from tests.bench.machine import run_cpu_s
from tests.bench.reader import Plan, write
from tests.bench.stage import Gateway, Stage, until

ROUNDS, QUOTES, QUOTES_QUICK = 5, 100, 5
RULES = 10_000
SIZES = (10, 100)
"""Lines of a receipt."""
MERCHANT_GROUPS = '["m3", "m7"]'
ADDED_MS = 5.0
TAP_S = 1 / READINGS_PER_S

DEVICES = """
[[device]]
id = "till-reader"
driver = "bench"
command = [{python}, "-m", "tests.bench.reader"]
options = {{ plan = {plan} }}

[[station]]
kind = "till"
id = "shop-till"
readers = ["till-reader"]
"""


def quotes(context: Context) -> list[Row]:
    shm = Path("/dev/shm")  # noqa: S108 (a folder of random name is made in it)
    memory = shm if shm.is_dir() else context.folder
    # The centre's disk is another machine's: its writes must not stand in the way of the gateway's.
    with Stage(context.folder) as stage, tempfile.TemporaryDirectory(dir=memory) as elsewhere:
        stage.prepare("--cards", "1", "--rules", str(RULES))
        _configure(stage)
        stage.start_broker()
        stage.start_centre(Path(elsewhere) / "centre.db")
        gateway = Gateway(stage)
        gateway.start()
        gateway.wait_up()
        # By hand: over the network a whole fleet would fetch so large a bundle, each gateway at its own time.
        run_cpu_s([*smartplace(), "bundle", "apply", str(stage.folder / "rules.bundle"), "--config", str(stage.config)])
        gateway.wait_ready()
        till = _Till(stage)
        ours: dict[int, list[list[float]]] = {size: [] for size in SIZES}
        raw: dict[int, list[list[float]]] = {size: [] for size in SIZES}
        for size in SIZES:
            till.play(size, QUOTES_QUICK)  # Warm: every path taken once, and how much a quote writes is known.
        for number in context.rounds(ROUNDS):
            for size in SIZES:
                mine, bare = till.play(size, QUOTES_QUICK if context.quick else QUOTES)
                ours[size].append(mine)
                raw[size].append(bare)
                context.say(
                    f"  round {number + 1}, {size} lines: {median(mine):.2f} ms (p99 {p99(mine):.2f}), raw commit "
                    f"{median(bare):.2f} ({p99(bare):.2f})"
                )
        gateway.stop()
    rows = []
    for size in SIZES:
        limit = p99([ms for samples in raw[size] for ms in samples]) + ADDED_MS
        promise = Promise(limit, f"<= raw p99 + {ADDED_MS:g} ms = {limit:.2f}")
        rows.append(compare("till", f"quote_{size}_p50_ms", "ms", ours[size], raw[size], median))
        rows.append(compare("till", f"quote_{size}_p99_ms", "ms", ours[size], raw[size], p99, promise))
    return rows


class _Till:
    """A POS at the API, a customer's card at the reader, and a raw table."""

    def __init__(self, stage: Stage) -> None:
        self._plan = stage.folder / "plan.json"
        (self._card,) = json.loads((stage.folder / "bench-cards.json").read_bytes())
        self._pos = http.client.HTTPConnection("127.0.0.1", stage.ports["pages"], timeout=30)
        self._raw: Child = stage.child(
            "raw-commit", python("tests.bench.baselines.raw_commit", str(stage.folder / "raw.db"))
        )
        self._ledger = stage.state / "ledger.db"
        self._random = random.Random(1)
        self._bytes = dict.fromkeys(SIZES, 4096)
        self._taps = 0
        self._next_s = 0.0
        self._asked = 0

    def play(self, size: int, quotes: int) -> tuple[list[float], list[float]]:
        """So many quotes of so many lines, and as many raw commits. Milliseconds each."""
        ours, raw, discounts = [], [], 0
        for _ in range(quotes):
            self._tap()
            receipt = {"lines": [self._line(number) for number in range(size)]}
            raw += self._raw.ask("paced", 30.0, at_ns=[0], bytes=self._bytes[size])
            body = json.dumps({"receipt": receipt})
            self._asked += 1
            key = f"bench-{self._asked}"
            began = time.monotonic_ns()
            quote = self._send("POST", "quotes", body, key)
            ours.append((time.monotonic_ns() - began) / 1e6)
            require(quote["identified"] and len(quote["lines"]) == size, "a quote for nobody, or not of all lines")
            discounts += quote["discount_cents"]
            self._bytes[size] = self._written(quote["quote"], key)
            self._send("DELETE", f"quotes/{quote['quote']}", None, key)
        require(discounts > 0, "no quote had a discount")
        return ours, raw

    def _written(self, quote: str, key: str) -> int:
        """Bytes of the two rows that a quote writes."""
        db = sqlite3.connect(f"file:{self._ledger}?mode=ro", uri=True)
        try:
            rows = db.execute(
                "SELECT length(body) FROM quote WHERE id=? UNION ALL SELECT length(body) FROM answer WHERE key LIKE ?",
                (quote, f"quote/%/{key}"),
            ).fetchall()
        finally:
            db.close()
        require(len(rows) == 2, f"{len(rows)} rows on disk, a quote and its answer were given")
        return sum(int(size) for (size,) in rows)

    def _line(self, number: int) -> dict[str, Any]:
        category = f"c{self._random.randrange(CATEGORIES)}"
        return {
            "id": str(number),
            "text": f"Article {number}",
            "category": category,
            "unit_cents": self._random.randrange(50, 2500),
            "quantity": self._random.randrange(1, 4) * 1000,
        }

    def _tap(self) -> None:
        """The card at the reader, until the till has it. No oftener than a reader's readings are taken: a flood is
        refused, and the tap with it."""
        time.sleep(max(0.0, self._next_s - time.monotonic()))
        self._next_s = time.monotonic() + TAP_S
        self._taps += 1
        write(self._plan, Plan(self._taps, [0], [self._card]))
        until(lambda: bool(self._send("GET", "balance", None, "")["identified"]), 20, "the tap at the till")

    def _send(self, method: str, path: str, body: str | None, key: str) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        self._pos.request(method, f"/v1/stations/shop-till/{path}", body, headers)
        answer = self._pos.getresponse()
        told = answer.read()
        require(answer.status in (200, 204), f"{method} {path}: {told[:500]!r}")
        return json.loads(told) if told else {}


def _configure(stage: Stage) -> None:
    """The demo's configuration up to its devices, in a place that the rules name, then this bench's till."""
    text = stage.config.read_text(encoding="utf-8")
    text = text[: text.index("[[device]]")].replace('["library", "museum", "shop"]', MERCHANT_GROUPS)
    require(MERCHANT_GROUPS in text, "the demo's place has other merchant groups")
    devices = DEVICES.format(python=json.dumps(sys.executable), plan=json.dumps(str(stage.folder / "plan.json")))
    stage.config.write_text(text + devices, encoding="utf-8")
