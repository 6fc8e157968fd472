"""A till's software (POS) and the Smart Place Gateway: a whole sale, a refund and a void. Python 3.8 or newer, nothing
else. Take what you need; it is under the licence of the gateway.

    python3 pos.py http://127.0.0.1:8080/v1/stations/shop-till
"""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

GATEWAY = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/v1/stations/shop-till"
TRIES = 10
"""Of one request. A receipt that is printed at the gateway may take a minute."""


class Refused(Exception):
    """The gateway says no, and why. `problem["code"]` is stable: docs/errors.md lists every one."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}. {problem.get('advice', '')}")
        self.problem = problem


def ask(path: str, body: object, key: str, method: str = "POST") -> Any:
    """The gateway's answer. After a broken line nobody knows whether the request was heard: the very same request with
    the very same key is repeated, and books once, however often it is sent."""
    attempt = 0
    while True:
        attempt += 1
        request = urllib.request.Request(
            f"{GATEWAY}/{path}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json", "Idempotency-Key": key},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            wait = error.headers.get("Retry-After")
            if wait is None or attempt == TRIES:
                raise Refused(problem) from None
            time.sleep(int(wait))
        except (OSError, http.client.HTTPException, ValueError):
            if attempt == TRIES:
                raise
            time.sleep(0.2 * attempt)


def quote(receipt: object, key: str, replaces: str = "") -> Any:
    """What is due. `replaces`: the quote of this receipt before it was changed."""
    body: dict[str, object] = {"receipt": receipt}
    if replaces:
        body["replaces"] = replaces
    try:
        return ask("quotes", body, key)
    except Refused as refused:
        if refused.problem["code"] != "two_taps":
            raise
        # Two customers have held a card to the reader. Show the marks to the cashier, who chooses one, or "none".
        body["tap"] = "none"
        return ask("quotes", body, key)


shift = uuid.uuid4().hex[:8]
receipt: dict[str, Any] = {
    "means": "card",
    "lines": [
        {"id": "1", "text": "Picture book", "category": "books", "unit_cents": 1390, "quantity": 2000, "vat": "A"},
        {"id": "2", "text": "Rope, by the metre", "unit_cents": 99, "quantity": 1500, "vat": "A"},
    ],
}

# A sale. The customer may have held a card to the reader before.
offer = quote(receipt, f"{shift}-1-quote")
print("to pay:", offer["due_cents"], "cents, discount", offer["discount_cents"])

# The customer puts one book back: a new quote takes the place of the first, and the card need not be shown again.
receipt["lines"][0]["quantity"] = 1000
offer = quote(receipt, f"{shift}-1-changed", replaces=offer["quote"])
for line in offer["lines"]:
    # Each line's discount goes on paper as an amount; `shares` say who pays it, and in which form it stands there.
    print("line", line["line"], line["list_cents"], "less", line.get("discount_cents", 0))
if offer.get("unmapped"):
    print("no category:", offer["unmapped"])

# ... the customer pays, the POS prints its fiscal receipt ...

sold = ask("receipts", {"quote": offer["quote"], "fiscal_number": "LV-0042"}, f"{shift}-1")
print("recorded as", sold["entry"])

# Later, at any till of the shop: the book comes back. First what it comes to, then the paper, then the record.
back = {"receipt": sold["entry"], "lines": [{"line": "1", "quantity": 1000}]}
seen = ask("refunds", {**back, "preview": True}, f"{shift}-2-preview")
print("to give back:", seen["due_cents"], "cents")
given = ask("refunds", {**back, "due_cents": seen["due_cents"], "fiscal_number": "LV-0043"}, f"{shift}-2")
print("refund recorded as", given["entry"])

# A receipt that is cancelled before anybody has left the shop, named by the key of its commit.
offer = quote(receipt, f"{shift}-3-quote")
ask("receipts", {"quote": offer["quote"], "fiscal_number": "LV-0044"}, f"{shift}-3")
void = ask("voids", {"key": f"{shift}-3"}, f"{shift}-3-void")
print("void recorded as", void["entry"])

# A customer who changes their mind before paying: what the quote held is free again.
offer = quote(receipt, f"{shift}-4-quote")
ask(f"quotes/{offer['quote']}", None, f"{shift}-4-withdrawn", method="DELETE")
print("withdrawn")
