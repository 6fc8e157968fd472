"""The shop's till system: asks for quotes, commits them under a key, notes what it was told before it goes on, and
asks again for what it was not told. Its notes are the truth that the centre is held against."""

from __future__ import annotations

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.cli.demo.acts import BASKET, TILL
from gateway.cli.demo.watch import ask
from gateway.stations.till_words import NO_TAP
from tests.faults.frame import FaultFailed

AGAIN_S = 0.02
"""Between two sales of a clerk."""
TRIES_S = 0.1
"""After a gateway that is not there, or refuses."""
ASK_S = 30.0
GONE = "no_such_quote"
CHOICES = 4
"""How often a clerk says whose receipt it is: customers come and go."""


class Told(NamedTuple):
    """A receipt that the POS was told is recorded. `gave`: rule → cents that its quote took off."""

    key: str
    quote: str
    entry: str
    gave: Mapping[str, int] = MappingProxyType({})


class Pos:
    """`start` sells in threads until `stop`. `told` is read back from the notes' file. `name`: how its keys begin."""

    def __init__(self, port: int, notes: Path, clerks: int = 4, *, name: str = "pos", again_s: float = AGAIN_S) -> None:
        self.port = port
        self._name = name
        self._again_s = again_s
        self._path = notes
        self._file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._clerks = clerks
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._number = 0
        self._lock = threading.Lock()
        self.unanswered: dict[str, str] = {}
        """Key → quote of each commit that was sent and not answered with 200."""
        self.refused: Counter[str] = Counter()
        """Codes of refusals."""
        self.gone: list[str] = []
        """Quotes that were given and that the gateway no longer knows."""
        self.booked_before = 0
        """Repeated commits whose receipt stood in the ledger already: only the answer had been lost."""
        self.count = 0
        """Receipts that were told."""
        self.gave: Counter[str] = Counter()
        """Rule → cents that were taken off on them."""
        self._quoted: dict[str, dict[str, int]] = {}
        self._serving: dict[str, str] = {}
        """Key of the sale → mark of the customer whom a clerk is serving. A card that is taken once more is a new quote
        in the place of the open one, so two clerks must not serve one customer."""

    def start(self, clerks: int | None = None) -> None:
        """Sell until `stop`; a gateway that is not there is asked again and again."""
        self._ended.clear()
        self._threads = [threading.Thread(target=self._sell) for _ in range(clerks or self._clerks)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No request is open any more."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def close(self) -> None:
        """Stop, and close the notes. `told` can still be read."""
        self.stop()
        os.close(self._file)

    def sell(self, count: int) -> None:
        """So many receipts, one after the other. Raises `OSError` when the gateway goes."""
        for _ in range(count):
            self._sell_one()

    def give_quote(self) -> tuple[str, str]:
        """A key and its open quote, to be committed later with `commit`. Raises `OSError`, `FaultFailed`."""
        with self._lock:
            self._number += 1
            key = f"{self._name}-{self._number}"
        with ExitStack() as undo:
            undo.callback(self._served, key)
            quote = self._quote(key)
            undo.pop_all()
        return key, quote

    def _quote(self, key: str) -> str:
        """Of the customers who have presented a card meanwhile, the clerk takes any whom nobody serves."""
        asked: dict[str, Any] = {"receipt": {"lines": BASKET}}
        for _ in range(CHOICES):
            status, answer = self._post("quotes", asked, f"q-{key}")
            if answer.get("code") != "two_taps":
                break
            asked["tap"] = self._choose(key, answer["marks"])
        if status != 200:
            self._refuse(answer)
            raise FaultFailed(f"no quote: {answer}")
        quote, mark = str(answer["quote"]), str(answer.get("mark", ""))
        with self._lock:
            if mark and any(mark == other for of, other in self._serving.items() if of != key):
                raise FaultFailed(f"another clerk serves {mark}")
            self._serving[key] = mark
            self._quoted[quote] = _taken_off(answer)
        return quote

    def _choose(self, key: str, marks: list[str]) -> str:
        with self._lock:
            self._serving.pop(key, None)
            free = [mark for mark in marks if mark not in self._serving.values()]
            self._serving[key] = random.choice(free) if free else ""
            return self._serving[key] or NO_TAP

    def _served(self, key: str) -> None:
        with self._lock:
            self._serving.pop(key, None)

    def commit(self, key: str, quote: str) -> dict[str, Any] | None:
        """Commit, and note what was told: the answer, or None when it was refused. Raises `OSError`."""
        try:
            return self._commit(key, quote)
        finally:
            self._served(key)

    def _commit(self, key: str, quote: str) -> dict[str, Any] | None:
        with self._lock:
            self.unanswered[key] = quote
        status, answer = self._post("receipts", {"quote": quote, "fiscal_number": key}, key)
        if status != 200:
            self._refuse(answer)
            if answer.get("code") == GONE:
                with self._lock:
                    self.gone.append(f"quote {quote} of {key}")
                    del self.unanswered[key]
            return None
        self._note(Told(key, quote, answer["entry"], self._quoted.get(quote, {})))
        told: dict[str, Any] = answer
        return told

    def repeat(self, last: int | None = None) -> None:
        """Ask again for everything that was not answered. `last`: the number of the newest receipt before anybody
        asked again. Raises `OSError`, `FaultFailed`."""
        for key, quote in list(self.unanswered.items()):
            answer = self.commit(key, quote)
            if answer is None and key in self.unanswered:
                raise FaultFailed(f"{key} was refused when it was asked again: {dict(self.refused)}")
            if answer is not None and last is not None and int(answer["entry"].rpartition("/")[2]) <= last:
                self.booked_before += 1

    def told(self) -> list[Told]:
        """What the notes say."""
        return [Told(*json.loads(line)) for line in self._path.read_text(encoding="utf-8").splitlines()]

    def _sell(self) -> None:
        while not self._ended.is_set():
            try:
                self._sell_one()
            except (OSError, FaultFailed):
                self._ended.wait(TRIES_S)
            else:
                self._ended.wait(self._again_s)

    def _sell_one(self) -> None:
        self.commit(*self.give_quote())

    def _note(self, told: Told) -> None:
        os.write(self._file, json.dumps(told).encode() + b"\n")
        with self._lock:
            self.count += 1
            self.gave.update(told.gave)
            self._quoted.pop(told.quote, None)
            del self.unanswered[told.key]

    def _refuse(self, answer: Any) -> None:
        with self._lock:
            self.refused[str(answer.get("code", answer))] += 1

    def _post(self, what: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
        return ask(self.port, "POST", f"/v1/stations/{TILL}/{what}", body, key, timeout=ASK_S)


def _taken_off(answer: Mapping[str, Any]) -> dict[str, int]:
    """Rule → cents, by the trace of a quote's answer; without rules there is none."""
    cents: Counter[str] = Counter()
    for traced in answer.get("trace", ()):
        if traced["reason"] == "applied":
            cents[traced["rule"]] += traced.get("cents", 0)
    return dict(cents)
