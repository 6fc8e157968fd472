"""A POS that knows ErpNet.FP and nothing of us: one address is all that it is given.

It sends what PROTOCOL.md of ErpNet.FP 1.1.0 shows, in its shapes and order, and looks at the answers as such
clients do. Its only imports are Python's own. Exit code 1, with the step, when an answer is not what theirs would be.

    python netfp_client.py http://127.0.0.1:8001
"""

from __future__ import annotations

import http.client
import json
import secrets
import sys
import time
from typing import Any
from urllib.parse import urlsplit

TASK_S = 30.0
TICKETS = {
    "text": "Museum ticket adult", "quantity": 2, "unitPrice": 5.00, "taxGroup": 1,
    "priceModifierType": "discount-percent", "priceModifierValue": 10,
}  # fmt: skip
CATALOGUE = {"text": "Catalogue", "unitPrice": 12.40, "taxGroup": 3}


class NotAsErpNet(Exception):
    """An answer that such a client would stumble over."""


def call(address: str, method: str, path: str, body: object = None) -> Any:
    """The JSON of an answer with status 200."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port or 8001, timeout=60)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        connection.request(method, where.path + path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise NotAsErpNet(f"{method} {path}: status {answer.status}, {said!r}")
    return json.loads(said)


def need(right: bool, what: str, answer: object) -> None:
    if not right:
        raise NotAsErpNet(f"{what}: {json.dumps(answer)}")


def good(answer: Any, what: str) -> Any:
    """An answer of a document that was printed."""
    need(answer.get("ok") is True, what, answer)
    need(isinstance(answer.get("messages"), list), f"{what} has messages", answer)
    return answer


def refused(answer: Any, code: str, what: str) -> None:
    errors = [message for message in answer["messages"] if message["type"] == "error"]
    need(answer["ok"] is False and bool(errors) and errors[0]["code"] == code, f"{what} is refused as {code}", answer)
    need(bool(errors[0]["text"]), f"{what} is told in words", answer)


def finished(address: str, task: str) -> Any:
    """The result of a task, asked for again and again as these clients do."""
    deadline = time.monotonic() + TASK_S
    while time.monotonic() < deadline:
        info = call(address, "GET", f"/printers/taskinfo?id={task}")
        need(info["taskStatus"] in ("enqueued", "running", "finished"), "the state of a task", info)
        if info["taskStatus"] == "finished":
            return info["result"]
    raise NotAsErpNet(f"task {task} does not end")


def receipt_for(info: Any) -> dict[str, Any]:
    """Two tickets less 10 %, a catalogue, 1.40 off the subtotal where the printer's info says that it can: 20.00."""
    off: dict[str, Any] = {"type": "discount-amount", "amount": 1.40}
    if info["subTotalAmountModifiersRequireTaxGroup"]:
        off["taxGroup"] = 3
    items = [
        TICKETS,
        {"type": "comment", "text": "City card ****4411"},
        CATALOGUE,
        *([off] if info["supportsSubTotalAmountModifiers"] else []),
        {"type": "footer-comment", "text": "Thank you"},
    ]
    total = 20.00 if info["supportsSubTotalAmountModifiers"] else 21.40
    return {"items": items, "payments": [{"paymentType": "card", "amount": total}]}


def play(address: str) -> list[str]:
    """Sections of the document, one after the other. Returns a line for each that went well."""
    run, said = secrets.token_hex(4), []
    printers = call(address, "GET", "/printers")
    need(len(printers) >= 1, "a printer is there", printers)
    name, info = next(iter(printers.items()))
    at = f"/printers/{name}"
    need("cash" in info["supportedPaymentTypes"], "what it takes", info)
    need(call(address, "GET", at) == info, "one printer is as in the list", info)
    status = good(call(address, "GET", f"{at}/status"), "the status")
    need(len(status["deviceDateTime"]) == len("2026-11-23T09:15:02"), "the device's time", status)
    said.append(f"printer {name}: {info['manufacturer']} {info['model']}, {status['deviceDateTime']}")

    before = good(call(address, "GET", f"{at}/cash"), "the drawer")["amount"]
    good(call(address, "POST", f"{at}/deposit", {"amount": 50.00}), "a deposit")
    good(call(address, "POST", f"{at}/withdraw", {"amount": 12.34}), "a withdrawal")
    after = good(call(address, "GET", f"{at}/cash"), "the drawer")["amount"]
    need(round(after - before, 2) == 37.66, "what is in the drawer", [before, after])
    said.append(f"drawer {before:.2f} + 50.00 - 12.34 = {after:.2f}")

    task, document = f"lib7-{run}", receipt_for(info)
    total = document["payments"][0]["amount"]
    given = call(address, "POST", f"{at}/receipt?taskId={task}&asyncTimeout=0", document)
    need(given == {"taskId": task}, "the id comes at once", given)
    receipt = good(finished(address, task), "the receipt")
    need(receipt["receiptAmount"] == total, "its amount", receipt)
    need(bool(receipt["receiptNumber"] and receipt["receiptDateTime"]), "its number and time", receipt)
    said.append(f"receipt {receipt['receiptNumber']} of {receipt['receiptAmount']:.2f}")

    again = good(call(address, "POST", f"{at}/receipt?taskId={task}", document), "the receipt again")
    need(again["receiptNumber"] == receipt["receiptNumber"], "the same number again", again)
    other = call(address, "POST", f"{at}/receipt?taskId={task}", {"items": [TICKETS]})
    refused(other, "E109", "another receipt under this id")
    said.append("the same again under its id, and nothing else")

    plain = good(
        call(address, "POST", f"{at}/receipt", {"items": [{"text": "Tea", "unitPrice": "1.20", "taxGroup": 2}]}), "Tea"
    )
    need(plain["receiptAmount"] == 1.20, "a price in quotes", plain)
    original = {key: receipt[key] for key in ("receiptNumber", "receiptDateTime", "fiscalMemorySerialNumber")}
    back = {**original, "reason": "refund", "items": [CATALOGUE]}
    good(call(address, "POST", f"{at}/reversalreceipt?taskId=back-{run}", back), "the reversal")
    said.append(f"reversal of {receipt['receiptNumber']}")

    refused(call(address, "POST", f"{at}/receipt", {"items": []}), "E410", "an empty receipt")
    wrong = {**document, "payments": [{"paymentType": "card", "amount": 19.00}]}
    refused(call(address, "POST", f"{at}/receipt", wrong), "E403", "a sum that does not match")
    coin = {"items": [{"text": "Tea", "unitPrice": 0.005, "taxGroup": 1}]}
    refused(call(address, "POST", f"{at}/receipt", coin), "E403", "half a cent")
    refused(call(address, "POST", f"{at}/invoice", document), "E413", "an invoice")
    refused(call(address, "POST", f"{at}/rawrequest", {"rawRequest": "J"}), "E404", "a raw request")
    said.append("what cannot be printed is refused before")

    good(call(address, "POST", f"{at}/xreport"), "an X report")
    for _ in range(2):
        good(call(address, "POST", f"{at}/zreport?taskId=z-{run}"), "a Z report, once")
    # As JavaScript writes it: this program may run on a machine whose zone is another than the place's.
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    good(call(address, "POST", f"{at}/datetime", {"deviceDateTime": now}), "the clock")
    good(call(address, "POST", f"{at}/reset"), "a reset")
    good(call(address, "GET", f"{at}/status"), "the status in the end")
    said.append("X report, Z report, clock, reset")
    return said


if __name__ == "__main__":
    try:
        print("\n".join(play(sys.argv[1].rstrip("/"))))
    except (NotAsErpNet, OSError, LookupError, ValueError) as fault:
        sys.exit(f"not as ErpNet.FP: {fault}")
